/**
 * Makes the built-in data of GLUE's tasks and the pretraining text in their grammars. Equal code gives equal
 * rows: the draws must not change, because records depend on the rows.
 */
import type { GlueName, GlueRow } from '../rows.ts';
import { seededRandom } from '../../../synthetic/random.ts';
import { cola } from './cola.ts';
import { mnli } from './mnli.ts';
import { mrpc } from './mrpc.ts';
import { qnli } from './qnli.ts';
import { qqp } from './qqp.ts';
import { rte } from './rte.ts';
import { plainReview, sst2 } from './sst2.ts';
import { stsb } from './stsb.ts';
import { facts } from './facts.ts';
import { otherGenres, taskDomain, textDomain, type Domain } from './words.ts';
import { makeWorld, type World } from './world.ts';

/** The built-in splits of one task. */
export interface BuiltinGlue {
  readonly train: readonly GlueRow[];
  readonly validation: readonly GlueRow[];
  readonly test: readonly GlueRow[];
  /** MNLI's test rows of other genres; empty for other tasks. */
  readonly mismatched: readonly GlueRow[];
}

/** Number of rows in each split of a task. */
export const builtinGlueSizes = { train: 1000, validation: 150, test: 150, mismatched: 150 } as const;
const fixedSeed = 'glue-1';

const keyOf = ({ texts }: Pick<GlueRow, 'texts'>): string => texts.join('\n');

type Generator = (w: World, label: number) => readonly string[];
const classified: Readonly<
  Record<Exclude<GlueName, 'stsb'>, readonly [classes: number, generate: Generator]>
> = {
  cola: [2, cola],
  mnli: [3, mnli],
  mrpc: [2, mrpc],
  qnli: [2, qnli],
  qqp: [2, qqp],
  rte: [2, rte],
  sst2: [2, sst2],
};

type Row = Omit<GlueRow, 'id'>;
type Split = keyof typeof builtinGlueSizes;
const splits: Readonly<Record<Split, Domain>> = {
  train: taskDomain,
  validation: taskDomain,
  test: taskDomain,
  mismatched: otherGenres,
};

/**
 * Makes the rows of one GLUE task by a grammar with a fixed seed; no data set's sentences are copied. Classes
 * are equally frequent, no row occurs twice in or across splits, and validation and test also hold words that
 * training lacks.
 */
export function builtinGlue(name: GlueName): BuiltinGlue {
  const taken = new Set<string>();
  return mapSplits(drawnRows(name), (rows, split) => {
    const w = splitWorld(name, split, ' easier');
    return rows.map((row, i) => ({ id: String(i), ...untaken(taken, () => easier(name, w, row)) }));
  });
}

/** Makes the rows as the grammars give them, before `easier` replaces some. */
function drawnRows(name: GlueName): Record<Split, Row[]> {
  const taken = new Set<string>();
  return mapSplits(splits, (_, split) => {
    if (split === 'mismatched' && name !== 'mnli') return [];
    const w = splitWorld(name, split);
    const rows = Array.from({ length: builtinGlueSizes[split] }, (_, turn) =>
      untaken(taken, () => drawRow(name, w, turn)),
    );
    return w.random.shuffle(rows);
  });
}

const mapSplits = <T, U>(
  of: Readonly<Record<Split, T>>,
  map: (value: T, split: Split) => U,
): Record<Split, U> => ({
  train: map(of.train, 'train'),
  validation: map(of.validation, 'validation'),
  test: map(of.test, 'test'),
  mismatched: map(of.mismatched, 'mismatched'),
});

const splitWorld = (name: GlueName, split: Split, stream = ''): World =>
  makeWorld(
    seededRandom(`${fixedSeed} ${name} ${split}${stream}`),
    splits[split],
    split === 'train' ? 'common' : 'all',
  );

/** Draws rows until one has texts that are not in `taken`, and adds these texts to `taken`. */
function untaken<T extends Pick<GlueRow, 'texts'>>(taken: Set<string>, draw: () => T): T {
  for (;;) {
    const row = draw();
    const key = keyOf(row);
    if (taken.has(key)) continue;
    taken.add(key);
    return row;
  }
}

/** Draws a row; the classes take turns. */
function drawRow(name: GlueName, w: World, turn: number): Row {
  if (name === 'stsb') {
    const { texts, score } = stsb(w);
    return { texts, label: score };
  }
  const [classes, generate] = classified[name];
  const label = turn % classes;
  return { texts: generate(w, label), label };
}

/** For each task of pairs, the class whose two texts have least to do with each other. */
const apart: Readonly<Partial<Record<GlueName, number>>> = { mnli: 1, mrpc: 0, qnli: 1, qqp: 0, rte: 1 };

/**
 * Returns the row, or often an easier one of its class: a pair whose second text is unrelated to the first,
 * or a review all of whose words of feeling agree. Without such rows, a small base learns next to nothing
 * from a thousand rows. GLUE's own rows give such hints too; the rows left unchanged keep the task hard.
 */
function easier(name: GlueName, w: World, row: Row): Row {
  const { label } = row;
  if (name === 'sst2') return w.random.chance(0.5) ? { texts: plainReview(w, label), label } : row;
  const first = row.texts[0]!;
  if (name === 'stsb') {
    if (label < 0.6 || label > 4 || w.random.chance(0.6)) return row;
    return { texts: [first, stsb(w).texts[1]!], label: w.random.int(3) / 5 };
  }
  if (label !== apart[name] || w.random.chance(0.3)) return row;
  return { texts: [first, classified[name][1](w, label)[1]!], label };
}

/** The class that most pretraining pairs have, so that the second text can be predicted from the first. */
const related: Readonly<Record<GlueName, number>> = {
  cola: 1,
  mnli: 0,
  mrpc: 1,
  qnli: 0,
  qqp: 1,
  rte: 0,
  sst2: 1,
  stsb: 0,
};

const names = Object.keys(related) as GlueName[];

/**
 * Makes unlabelled sentences and pairs in the tasks' grammars for pretraining, all distinct and none a task's
 * row. They have other people, places, times, skills and reviews than the tasks, pairs of all classes (some
 * linked by words such as "in other words", some unrelated) and acceptable sentences only. Sentences of
 * facts.ts teach the tasks' own words.
 */
export function builtinGlueText(count: number, seed: number): string[][] {
  const random = seededRandom(`${fixedSeed} text ${seed}`);
  const w = makeWorld(random, textDomain, 'all');
  const taken = taskKeys();
  const recent: string[] = [];
  return Array.from({ length: count }, (_, i) => {
    const { texts } = untaken(taken, () => ({ texts: drawText(w, recent) }));
    recent[(i + 1) % 64] = texts[0]!;
    return [...texts];
  });
}

/** The texts of all tasks' rows, and of the rows that easier ones replaced. */
function taskKeys(): Set<string> {
  const rows = names.flatMap((name) =>
    [drawnRows(name), builtinGlue(name)].flatMap((of) => Object.values(of).flat() as Row[]),
  );
  return new Set(rows.map(keyOf));
}

function drawText(w: World, recent: readonly string[]): readonly string[] {
  const { random } = w;
  if (random.chance(0.15)) return [facts(w)];
  const name = random.pick(names);
  if (name === 'stsb') return stsb(w).texts;
  const [classes, generate] = classified[name];
  const links = linked[name];
  if (links && random.chance(0.3)) {
    const label = random.int(classes);
    const [first, second] = generate(w, label) as [string, string];
    return [first, link(w, links[label]!, second)];
  }
  const label =
    name === 'cola' || (name !== 'sst2' && random.chance(0.6)) ? related[name] : random.int(classes);
  const texts = generate(w, label);
  // One text in eight is paired with an unrelated earlier text.
  return recent.length === 64 && random.chance(0.12) ? [texts[0]!, random.pick(recent)] : texts;
}

/** Phrases that link the second text of a pair to the first, by class, as writers link sentences. */
const linked: Readonly<Partial<Record<GlueName, readonly (readonly string[])[]>>> = {
  mnli: [
    ['So', 'Of course'],
    ['Perhaps', 'It may be that'],
    ['It cannot be that', 'It is wrong that'],
  ],
  mrpc: [
    ['On another occasion,', 'Elsewhere,'],
    ['In other words,', 'That is to say,'],
  ],
  qnli: [
    ['The answer is that', 'Yes, I know:'],
    ['I do not know, but', 'I cannot say, but'],
  ],
  qqp: [
    ['And something else:', 'Another thing:'],
    ['I mean,', 'In other words,'],
  ],
  rte: [
    ['It follows that', 'So'],
    ['It does not follow that', 'It is not said that'],
  ],
};

function link({ random, domain }: World, links: readonly string[], text: string): string {
  const first = /^\w+/.exec(text)?.[0] ?? '';
  const isName = domain.women.includes(first) || domain.men.includes(first);
  return `${random.pick(links)} ${isName ? text : text.charAt(0).toLowerCase() + text.slice(1)}`;
}
