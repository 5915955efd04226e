/** Agreement of two judges on the same answers: the share of equal verdicts, and Cohen's kappa. */
import { sum } from '../support/numbers/arithmetic.ts';
import { turnKey, type Judgement, type Judging } from './judging.ts';

/** How two judges agree. */
export interface Agreement {
  /** Answers that both have a verdict on. */
  readonly judgements: number;
  /** The share of equal verdicts, 0 to 1. */
  readonly equal: number;
  /** (p_o − p_e) / (1 − p_e) with the agreement p_e of chance (Cohen, 1960); null where p_e is 1. */
  readonly kappa: number | null;
}

/** Compares the verdicts of two judges where both have one; undefined where that is nowhere. */
export function agreementOf(
  { classOf }: Pick<Judging, 'classOf'>,
  one: readonly Judgement[],
  another: readonly Judgement[],
): Agreement | undefined {
  const classes = new Map(
    another.flatMap((judgement) =>
      judgement.verdict === null ? [] : [[turnKey(judgement), classOf(judgement.verdict)] as const],
    ),
  );
  const pairs = one.flatMap((judgement) => {
    const other = classes.get(turnKey(judgement));
    return judgement.verdict === null || other === undefined
      ? []
      : [[classOf(judgement.verdict), other] as const];
  });
  return pairs.length === 0 ? undefined : { judgements: pairs.length, ...cohen(pairs) };
}

/** The share of equal classes and Cohen's kappa of two raters' classes, pair by pair. */
export function cohen(pairs: readonly (readonly [string, string])[]): Pick<Agreement, 'equal' | 'kappa'> {
  const n = pairs.length;
  const equal = pairs.filter(([a, b]) => a === b).length / n;
  const share = (rater: 0 | 1, name: string): number =>
    pairs.filter((pair) => pair[rater] === name).length / n;
  const names = [...new Set(pairs.flat())];
  const chance = sum(names.map((name) => share(0, name) * share(1, name)));
  return { equal, kappa: chance === 1 ? null : (equal - chance) / (1 - chance) };
}
