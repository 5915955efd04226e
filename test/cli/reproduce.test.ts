// Tests of `bench reproduce`: tables, dry runs, budgets, settings and figures on a tiny encoder.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { words, writeTinyEncoder } from '../tasks/tiny-encoder.ts';
import { benchInside } from './inside.ts';

// Table 6 runs on made-up rows and on a tiny random encoder in a folder with the name of the paper's base.
const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
const bench = benchInside(folder);
const data = join(folder, 'data');
const base = join(folder, 'roberta-large');

const sentence = (i: number): string => `${words[i % 2]!} ${words[2 + (i % 6)]!} ${words[8 + (i % 8)]!}`;
const cola = (n: number): string =>
  Array.from({ length: n }, (_, i) => ['made', String(i % 2), '', sentence(i)].join('\t')).join('\n');
const mrpc = (n: number): string =>
  [
    'label\tid1\tid2\tsentence1\tsentence2',
    ...Array.from({ length: n }, (_, i) =>
      [String(i % 2), `${i}`, `${i}b`, sentence(i), sentence(i + 1)].join('\t'),
    ),
  ].join('\n');

beforeAll(async () => {
  await writeTinyEncoder(base);
  const files = {
    'CoLA/train.tsv': cola(48),
    'CoLA/dev.tsv': cola(41),
    'MRPC/msr_paraphrase_train.txt': mrpc(24),
    'MRPC/msr_paraphrase_test.txt': mrpc(24),
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(data, path)), { recursive: true });
    await writeFile(join(data, path), text);
  }
});
afterAll(() => rm(folder, { recursive: true }));

const common = (results: string, threads = '1') => [
  ...[
    '--model',
    `roberta-large=${base}`,
    '--data',
    data,
    '--threads',
    threads,
    '--results',
    join(folder, results),
  ],
];

interface Output {
  id: string;
  protocol: string;
  rehearsal: boolean;
  rows: {
    method: string;
    parameters: { ours?: number };
    cells: {
      column: string;
      theirs: { mean: number };
      ours?: { mean: number; n: string };
      verdict: { kind: string; reason?: string; tolerance?: number };
    }[];
  }[];
  tally: { judged: number };
  runs: {
    identity: string;
    settings: { protocol: string; task: { name: string } };
    environment: { threads: number };
    training: { together?: number };
  }[];
}

test('what can be run is run, the rest says why, and the same command does nothing anew', async () => {
  const args = [
    'reproduce',
    'red/table-6',
    ...common('results'),
    '--seeds',
    '42',
    '43',
    '44',
    '--tasks',
    'cola',
    'qqp',
  ];
  const { stdout, stderr, exitCode } = await bench(...args);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toMatch(/^Estimated for this device from a matrix product of .* GFLOP\/s/m);
  expect(stderr).toMatch(
    /^cola +roberta-large +red~no-scaling +3 seeds +\S+ \w+ each, \S+ \w+ in all, \S+ GiB$/m,
  );
  // Progress is printed line by line on the way, and the table once, at the end.
  expect(stderr).toMatch(/^1 of 18 runs done, \S+ \w+ left$/m);
  expect(stderr).not.toMatch(/^ +ours /m);
  expect(stdout).toMatch(/^red\/table-6: .* \(protocol published\)$/m);
  expect(stdout).toMatch(/^RED +theirs +– +90\.3 ± 1\.40 +68\.1 ± 1\.69 +88\.7 ± 0\.11$/m);
  expect(stdout).toMatch(/^not run: left out by --tasks \(RED mrpc, /m);
  // Lines break at 80 columns.
  expect(stdout).toMatch(/^not run: [^:]* complete\s+QQP\s+data[^]*\(RED\s+qqp,/m);

  const again = await bench(...args, '--json');
  expect(again.stderr).not.toContain('seed 42');
  const table = JSON.parse(again.stdout) as Output;
  expect(table).toMatchObject({ id: 'red/table-6', protocol: 'published', rehearsal: false });
  const cells = table.rows.map(({ cells }) => cells.find(({ column }) => column === 'cola')!);
  for (const { ours, verdict } of cells) {
    expect(ours!.n).toBe('3');
    // Random weights and ten sentences give a number far from the printed one, or one too noisy to judge.
    expect(['not reproduced', 'too noisy']).toContain(verdict.kind);
    expect(verdict.tolerance).toBeGreaterThan(0);
  }
  expect(table.tally.judged).toBe(3);
  expect(table.runs).toHaveLength(9);
  expect(table.runs.every(({ settings }) => settings.protocol === 'published')).toBe(true);
  // Table 7 reuses RED's cells.
  const shared = await bench(
    'reproduce',
    'red/table-7',
    ...common('results'),
    '--seeds',
    '42',
    '43',
    '44',
    '--dry-run',
    '--json',
  );
  const { runs } = JSON.parse(shared.stdout) as { runs: { task: string; method: string }[] };
  expect(runs.filter(({ task }) => task === 'cola').map(({ method }) => method)).toEqual([
    'red~position=attn',
    'red~position=ffn+attn',
  ]);
});

test('--jobs runs rows side by side in child processes, with the same numbers', async () => {
  const args = ['--tasks', 'cola', 'qqp', '--seeds', '42', '--json'];
  const one = await bench('reproduce', 'red/table-6', ...common('alone'), ...args);
  const two = await bench('reproduce', 'red/table-6', ...common('beside', '2'), ...args, '--jobs', '2');
  expect([two.exitCode, two.stderr]).toEqual([0, expect.stringMatching(/^not run: qqp, .*QQP/m)]);
  const numbers = ({ stdout }: { stdout: string }) => {
    const { rows, runs } = JSON.parse(stdout) as Output;
    expect(runs.map(({ environment }) => environment.threads)).toEqual([1, 1, 1]);
    return rows.map(({ cells }) => cells.find(({ column }) => column === 'cola')!.ours);
  };
  expect(numbers(two)).toEqual(numbers(one));
  expect(numbers(two)[0]).toMatchObject({ n: '1' });
  const again = await bench('reproduce', 'red/table-6', ...common('beside'), ...args, '--jobs', '2');
  expect(again.stderr).not.toContain('seed 42');
});

test('--batch-seeds trains the seeds of a row together where its method allows it', async () => {
  const args = ['reproduce', 'red/table-6', '--tasks', 'cola', '--seeds', '42', '43', '--max-steps', '6'];
  const one = await bench(...args, ...common('singles'), '--json');
  const two = await bench(...args, ...common('together'), '--batch-seeds', '--jobs', '2', '--json');
  expect([two.exitCode, two.stderr]).toEqual([0, expect.stringMatching(/^\[6\/6\] cola · /m)]);
  const [single, together] = [one, two].map(({ stdout }) => JSON.parse(stdout) as Output);
  expect(together!.rows).toEqual(single!.rows);
  const identities = ({ runs }: Output) => runs.map(({ identity }) => identity).sort();
  expect(identities(together!)).toEqual(identities(single!));
  expect(together!.runs.map(({ training }) => training.together)).toEqual(Array(6).fill(2));
});

test('--batch-seeds trains seeds one after the other where they would share what is trained', async () => {
  const args = ['reproduce', 'red/table-1', '--tasks', 'cola', '--methods', 'full', '--seeds', '1', '2'];
  const { stdout, stderr } = await bench(
    ...[...args, ...common('full'), '--model', `roberta-base=${base}`],
    ...['--max-steps', '2', '--batch-seeds', '--json'],
  );
  expect(stderr).toMatch(/^The seeds of full are trained one after the other: it trains \d+ of the base's/m);
  const { runs } = JSON.parse(stdout) as Output;
  expect(runs.map(({ training }) => training.together)).toEqual(Array(4).fill(undefined));
});

test('the published protocol runs the seeds of the code; --budget and --methods cut', async () => {
  const { stdout, exitCode } = await bench('reproduce', 'red/table-6', ...common('dry'), '--dry-run');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^cola +roberta-large +red +15 seeds/m);
  expect(stdout).toMatch(/^mrpc +roberta-large +red +5 seeds/m);
  await expect(readdir(join(folder, 'dry'))).rejects.toThrow();
  const within = ['--dry-run', '--tasks', 'cola', '--seeds', '1', '2', '--budget'];
  const all = await bench('reproduce', 'red/table-6', ...common('dry'), ...within, '1000h');
  expect(all.stdout).toMatch(/^cola +roberta-large +red +2 seeds .* GiB, fits --budget$/m);
  expect(all.stdout).toMatch(/^--budget of \d+ days: 6 of 6 seeds fit, which take \S+ \w+\.$/m);
  const nothing = await bench('reproduce', 'red/table-6', ...common('dry'), ...within, '0s');
  expect(nothing.stdout).toMatch(/^cola +roberta-large +red +2 seeds .* GiB, over --budget$/m);
  const json = await bench('reproduce', 'red/table-6', ...common('dry'), ...within, '0s', '--json');
  const { runs: dryRuns } = JSON.parse(json.stdout) as { runs: { fitsBudget: number }[] };
  expect(dryRuns.map(({ fitsBudget }) => fitsBudget)).toEqual([0, 0, 0]);

  const cut = await bench(
    'reproduce',
    'red/table-6',
    ...common('cut'),
    '--methods',
    'red~no-bias',
    '--budget',
    '0s',
    '--json',
  );
  expect(cut.exitCode, cut.stderr).toBe(0);
  const { rows, runs } = JSON.parse(cut.stdout) as Output;
  const reasons = rows.map(({ cells }) => cells[1]!.verdict.reason);
  expect(reasons).toEqual(['left out by --methods', 'left out by --methods', 'over the time of --budget']);
  expect(runs).toEqual([]);
});

test('shortened runs, and other bases, are not comparable', async () => {
  const short = ['--tasks', 'cola', '--methods', 'red~no-bias', '--seeds', '1', '--max-steps', '2', '--json'];
  const { stdout, stderr } = await bench('reproduce', 'red/table-6', ...common('short'), ...short);
  const { rows } = JSON.parse(stdout) as Output;
  expect(rows[2]!.cells[1]!.verdict, stderr).toEqual({ kind: 'not comparable', reason: '--max-steps' });
  const other = await bench(
    ...[
      'reproduce',
      'red/table-6',
      '--scale',
      'mini',
      '--data',
      data,
      '--threads',
      '1',
      '--results',
      join(folder, 'other'),
    ],
    ...[
      '--model',
      `roberta-large=random-bert~layers=2,width=16,heads=2,vocab=20,positions=16`,
      '--tokenizer',
      base,
    ],
    ...short,
  );
  const rehearsed = JSON.parse(other.stdout) as Output;
  expect(rehearsed.rehearsal).toBe(true);
  expect(rehearsed.rows[2]!).toMatchObject({
    model: 'roberta-large',
    base: expect.stringMatching(/^random-bert/) as string,
  });
  expect(rehearsed.rows[2]!.cells[1]!.verdict.reason, other.stderr).toMatch(
    /^base random-bert.* in place of roberta-large; --max-steps$/,
  );
});

test('a rehearsal names the built-in bases that run beside the names of the paper', async () => {
  const args = [
    'reproduce',
    'red/table-6',
    '--scale',
    'mini',
    '--results',
    join(folder, 'mini'),
    '--tasks',
    'qqp',
  ];
  const dry = await bench(...args, '--dry-run');
  expect(dry.stdout, dry.stderr).toMatch(
    /^qqp +roberta-mini for roberta-large +red +\d seeds? +\d+ (s|min) each/m,
  );
  const none = await bench(...args, '--budget', '0s');
  expect(none.stdout).toMatch(/^roberta-large\s+\(ours:\s+roberta-mini\) +trainable/m);
});

test('tables without runs: settings and data beside ours, tasks that are not built', async () => {
  const eleven = await bench('reproduce', 'red/table-11');
  expect(eleven.stdout).toMatch(/^red learningRate +0\.06 +0\.00005 → 0\.006$/m);
  expect(eleven.stdout).toMatch(/^lora labelSmoothing +0\.1 +0\.1$/m);
  const eight = await bench('reproduce', 'red/table-8', '--data', data);
  expect(eight.stdout).toMatch(/^CoLA +8\.5K → 48 +522 → 21 +521 → 20 +Mcc → Matthews$/m);
  expect(eight.stdout).toMatch(/^QQP: not here: /m);
  const dry = await bench('reproduce', 'red/table-18', '--scale', 'mini', '--tasks', 'arc', '--dry-run');
  expect(dry.stdout, dry.stderr).toMatch(/^ultrafeedback +llama-mini for llama-2-7b +red +1 seed /m);
  expect(dry.stdout).toMatch(
    /^Each run is then evaluated, where it has no record: arc by\n +everyday-choices~/m,
  );
});

test('a figure is drawn as well, as the paper has it and as bars', async () => {
  const out = join(folder, 'drawn');
  const nothing = ['--methods', 'red', '--budget', '0s', '--scale', 'mini'];
  const { exitCode, stdout, stderr } = await bench('reproduce', 'red/figure-2', '--out', out, ...nothing);
  expect([exitCode, stdout]).toEqual([0, expect.stringContaining('7.944')]);
  for (const [name, height] of [
    ['red-figure-2.png', 1120],
    ['red-figure-2-bars.png', 960],
  ] as const) {
    expect(stderr).toContain(`Drawn: ${join(out, name)}`);
    const picture = await readFile(join(out, name));
    // PNG's signature, and width and height in its header.
    expect(picture.subarray(1, 4).toString()).toBe('PNG');
    expect([picture.readUInt32BE(16), picture.readUInt32BE(20)]).toEqual([1440, height]);
  }
});

test('what does not exist', async () => {
  for (const [args, message] of [
    [['red/table-20'], /There is no table "red\/table-20"\. Did you mean "red\/table-2"\?/],
    [['red/table-6', '--budget', 'soon'], /such as 6h, 90m or 45s/],
    [['red/table-6', '--model', 'roberta-large'], /give base=place; the bases here are roberta-large/],
  ] as const) {
    const { stderr, exitCode } = await bench('reproduce', ...args);
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(2);
  }
});
