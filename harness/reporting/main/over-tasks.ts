/** What a main result says over all tasks: averages, mean ranks and wins. main-table.ts prints them. */
import { mean, sampleStandardDeviation } from 'simple-statistics';

/** A row's score on one task. */
export interface Score {
  readonly mean: number;
  readonly higherIsBetter: boolean;
  readonly decimals: number;
  /** The values whose mean it is, by seed. */
  readonly bySeed: ReadonlyMap<number, number>;
}

/** A row's scores in the order of the tasks; undefined where it has none. */
export type Scores = readonly (Score | undefined)[];

/** The average of a row over its tasks. */
export interface Average {
  readonly mean: number;
  /** The standard deviation of the seeds' averages; undefined unless all tasks have the same, at least two. */
  readonly sd: number | undefined;
  readonly decimals: number;
}

const isComplete = (scores: Scores): scores is readonly Score[] => scores.every((one) => one !== undefined);

/** The average over tasks; undefined where one has no score, or where not all have the better end above. */
export function averageOf(scores: Scores): Average | undefined {
  const [first] = scores;
  if (!first || !isComplete(scores)) return undefined;
  if (scores.some(({ higherIsBetter }) => higherIsBetter !== first.higherIsBetter)) return undefined;
  const seeds = [...first.bySeed.keys()];
  const isShared = scores.every(
    ({ bySeed }) => bySeed.size === seeds.length && seeds.every((seed) => bySeed.has(seed)),
  );
  const bySeed = isShared ? seeds.map((seed) => mean(scores.map((one) => one.bySeed.get(seed)!))) : [];
  return {
    mean: mean(scores.map((one) => one.mean)),
    sd: bySeed.length > 1 ? sampleStandardDeviation(bySeed) : undefined,
    decimals: Math.min(...scores.map(({ decimals }) => decimals)),
  };
}

/**
 * The mean over tasks of each row's rank among the rows that have all tasks; equal scores share the mean of their
 * ranks (Demšar 2006). Undefined for rows that lack a task.
 */
export function meanRanks(rows: readonly Scores[]): (number | undefined)[] {
  const complete = rows.filter(isComplete);
  return rows.map((row) =>
    isComplete(row)
      ? mean(
          row.map((own, task) => {
            const others = complete.map((other) => other[task]!);
            const ahead = others.filter((other) => isBetter(other, own)).length;
            const equal = others.filter((other) => other.mean === own.mean).length;
            return ahead + (equal + 1) / 2;
          }),
        )
      : undefined,
  );
}

/** The number of tasks on which each row has the best score of all rows; equal ones win together. */
export function winsOf(rows: readonly Scores[]): number[] {
  return rows.map(
    (row) =>
      row.filter((own, task) => own && !rows.some((other) => other[task] && isBetter(other[task], own)))
        .length,
  );
}

const isBetter = (one: Score, other: Score): boolean =>
  one.higherIsBetter ? one.mean > other.mean : one.mean < other.mean;
