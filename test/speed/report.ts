/** Writes the report of the speed benchmark, reports/speed.md, from all results. */
import { max, median, min, sum } from 'simple-statistics';
import type { Case } from './cases.ts';
import type { Result } from './results.ts';
import type { Turn } from './side.ts';

const legend = `# Speed

Made by \`npm run bench:speed\` (docs/speed.md); the times themselves stand in speed.jsonl.

- Sides take their steps in turns, each in a process of its own. Times are medians of all steps; a ratio is the other's
  time over deltabench's (above 1: deltabench is faster), the median over the turns [least, most] of ratios of medians.
- eager is PyTorch with transformers and peft, compiled the same under torch.compile. A dash: it did not run, and why
  stands below the table.
- products: the step's matrix products alone, same shapes and numbers of them, run by the same engine in the same turns.
  Their GFLOPS are the arithmetic limit; their share is their time over the step's.
- GiB: the most memory that the process held; with CUDA, what PyTorch held on the card.
- measured: day and commit (+: files differed from it). void: a median lay more than 1.5 × above the least time of its
  side, so something else was running.`;

/** The report: tables of all results, machine by machine. */
export function speedReport(results: readonly Result[]): string {
  const machines = [...new Set(results.map(({ machine }) => machine))];
  const sections = machines.flatMap((machine) => {
    const ofMachine = results.filter((result) => result.machine === machine);
    return section(machine, ofMachine);
  });
  return `${[legend, ...sections].join('\n\n')}\n`;
}

function section(machine: string, results: readonly Result[]): string[] {
  const blocks = [`## ${machine}`, `${versionsOf(results)}.`];
  const add = (title: string, topic: Case['topic'], ...tables: Column[][]): void => {
    const rows = results.filter((result) => result.topic === topic);
    if (rows.length === 0) return;
    blocks.push(`### ${title}`, ...tables.map((columns) => table(columns, rows)));
    const why = missing(rows);
    if (why) blocks.push(why);
  };
  const identity = [named('model, batch', 'name'), named('method', 'method'), named('engine', 'engine')];
  const times = [time('deltabench'), time('eager'), ratio('eager'), time('compiled'), ratio('compiled')];
  const memories = ['deltabench', 'eager', 'compiled'].map(memory);
  const training = [
    [...identity, ...times, measured],
    [...identity, tokens, ...memories, gflops('products'), gflops('step'), share],
  ];
  add('A training step, batches of equal lengths (ms)', 'steps', ...training);
  add('A training step on real lengths (ms)', 'lengths', ...training);
  add('From the start of the process to the end of the first step (ms)', 'start', [
    ...identity,
    time('deltabench'),
    ...['imports', 'base', 'compile', 'step'].map(phase),
    time('eager'),
    ratio('eager'),
    measured,
  ]);
  add('Beam search (ms)', 'decoding', [
    named('model', 'name'),
    time('deltabench'),
    time('eager'),
    ratio('eager'),
    memory('deltabench'),
    memory('eager'),
    measured,
  ]);
  add('Costs of the methods: a step (ms) over RED’s and over full fine-tuning’s', 'costs', [
    ...identity,
    time('deltabench'),
    cost('red'),
    cost('full'),
    memory('deltabench'),
    memory('full'),
    measured,
  ]);
  add('Evaluations: from texts to numbers (ms for all documents)', 'evaluations', [
    named('what', 'name'),
    time('deltabench'),
    time('lm-eval'),
    ratio('lm-eval'),
    processorRatio,
    memory('deltabench'),
    memory('lm-eval'),
    agreement,
    measured,
  ]);
  add('Scoring (ms)', 'scoring', [named('what', 'name'), time('deltabench'), measured]);
  return blocks;
}

/** A column of a table: its head, and its cell in each row. */
interface Column {
  readonly head: string;
  readonly left?: true;
  cell(result: Result): string;
}

const none = '–';
const turnsOf = ({ sides }: Result, side: string): readonly Turn[] => {
  const timed = sides[side];
  return timed && 'turns' in timed ? timed.turns : [];
};
const timesOf = (turns: readonly Turn[]): number[] => turns.flatMap(({ times }) => times);
/** Three significant digits, or all digits before the point. */
const digits = (x: number): string => (x >= 100 ? x.toFixed(0) : x.toPrecision(3));
const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(2);

function named(head: string, key: 'name' | 'method' | 'engine'): Column {
  return { head, left: true, cell: (result) => result[key] ?? none };
}

/** A column that needs turns of one side. */
function of(side: string, head: string, show: (turns: readonly Turn[], result: Result) => string): Column {
  return {
    head,
    cell: (result) => {
      const turns = turnsOf(result, side);
      return turns.length === 0 ? none : show(turns, result);
    },
  };
}

const time = (side: string): Column => of(side, side, (turns) => digits(median(timesOf(turns))));

/** A side's times over another's, turn by turn, as median [least, most]. */
function overTurns(above: readonly Turn[], below: readonly Turn[]): string {
  const ratios = above.map(({ times }, i) => median([...times]) / median([...below[i]!.times]));
  return `${median(ratios).toFixed(2)} [${min(ratios).toFixed(2)}, ${max(ratios).toFixed(2)}]`;
}
const ratio = (side: string): Column =>
  of(side, `${side} / own`, (turns, result) => overTurns(turns, turnsOf(result, 'deltabench')));
/** Ratios of processor time, which other programs on the machine disturb less. */
const processorRatio: Column = of('lm-eval', 'processor time', (turns, result) => {
  const timesOf = (all: readonly Turn[]): Turn[] => all.map((turn) => ({ ...turn, times: turn.cpu! }));
  return overTurns(timesOf(turns), timesOf(turnsOf(result, 'deltabench')));
});
/** The largest difference between the sides' log-likelihoods, or how many of their texts are equal. */
const agreement: Column = of('lm-eval', 'agreement', (turns, result) => {
  const theirs = turns.at(-1)!.answers!;
  const own = turnsOf(result, 'deltabench').at(-1)!.answers!;
  const pairs = theirs.map((answer, i) => [answer, own[i]!] as const);
  const texts = pairs.filter(([answer]) => typeof answer === 'string');
  if (texts.length > 0) return `${texts.filter(([a, b]) => a === b).length} of ${texts.length} texts`;
  return max(pairs.map(([a, b]) => Math.abs(Number(a) - Number(b)))).toExponential(1);
});
const cost = (side: string): Column =>
  of(side, `own / ${side}`, (turns, result) => overTurns(turnsOf(result, 'deltabench'), turns));

/** Peak memory; deltabench's process does not know a GPU's, so its cell is empty there. */
const memory = (side: string): Column =>
  of(side, `GiB, ${side}`, (turns, { engine }) =>
    side === 'deltabench' && engine && !engine.endsWith(' cpu') ? none : gib(turns.at(-1)!.peak),
  );

/** An amount per second, as the median over the turns, times `scale`. */
const perSecond = (amount: (i: number) => number, turns: readonly Turn[], scale: number): string =>
  digits(median(turns.map(({ times }, i) => (scale * 1000 * amount(i)) / sum([...times]))));
const tokens = of('deltabench', 'tokens/s', (turns) => perSecond((i) => turns[i]!.tokens!, turns, 1));

/** GFLOPS of the products and of the whole step: the same count of operations over the time of each. */
const gflops = (what: 'products' | 'step'): Column =>
  of('products', `GFLOPS, ${what}`, (turns, result) =>
    perSecond((i) => turns[i]!.flops!, what === 'products' ? turns : turnsOf(result, 'deltabench'), 1e-9),
  );
const share = of('products', 'share of products', (turns, result) => {
  const steps = turnsOf(result, 'deltabench');
  const shares = turns.map(({ times }, i) => (100 * sum([...times])) / sum([...steps[i]!.times]));
  return `${median(shares).toFixed(0)} %`;
});

const phase = (name: string): Column =>
  of('deltabench', name, (turns) => digits(median(turns.map(({ phases }) => phases![name]!))));

const measured: Column = {
  head: 'measured',
  left: true,
  cell: (result) => {
    const { measured, commit, dirty, sides } = result;
    const disturbed = Object.keys(sides).some((side) => {
      const times = timesOf(turnsOf(result, side));
      return times.length > 0 && median(times) > 1.5 * min(times);
    });
    return `${measured.slice(0, 10)} ${commit.slice(0, 7)}${dirty ? '+' : ''}${disturbed ? ', void' : ''}`;
  },
};

/** A Markdown table whose columns are padded. */
function table(columns: readonly Column[], results: readonly Result[]): string {
  const rows = [columns.map(({ head }) => head), ...results.map((r) => columns.map(({ cell }) => cell(r)))];
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const padded = rows.map((row) =>
    row.map((cell, i) => (columns[i]!.left ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))),
  );
  const rule = columns.map(({ left }, i) =>
    left ? '-'.repeat(widths[i]!) : `${'-'.repeat(widths[i]! - 1)}:`,
  );
  return [padded[0]!, rule, ...padded.slice(1)].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

/** The reasons why sides did not run, each once. */
function missing(results: readonly Result[]): string {
  const reasons = results.flatMap(({ sides }) =>
    Object.entries(sides).flatMap(([side, timed]) =>
      'missing' in timed ? [`- ${side}: ${timed.missing}`] : [],
    ),
  );
  return [...new Set(reasons)].join('\n');
}

/** The versions of all programs and libraries: "node v20.1.0, torch 2.15.0". */
function versionsOf(results: readonly Result[]): string {
  const all = results.flatMap(({ sides }) =>
    Object.values(sides).flatMap((timed) => ('ready' in timed ? Object.entries(timed.ready.versions) : [])),
  );
  return [...new Set(all.map(([name, version]) => `${name} ${version}`))].join(', ');
}
