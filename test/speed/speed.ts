import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { median, min, sum } from 'simple-statistics';
import { loadE2E } from '../../harness/data/e2e.ts';
import { encodeLabelled } from '../../harness/data/encode-labelled.ts';
import { loadGlue } from '../../harness/data/glue.ts';
import { loadTokenizer } from '../../harness/data/tokenizer.ts';
import task from '../../tasks/e2e.ts';
import { printCosts } from './costs.ts';
import { startSide } from './side.ts';

// `npm run bench:speed`: training steps and decoding of deltabench and of PyTorch + transformers (+ peft), in turns within one run,
// since only ratios of alternating runs mean anything on a machine that others use. DELTABENCH_PYTHON names a Python
// with torch, transformers and peft; where it is missing only our own times are printed.

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    alternations: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(availableParallelism()) },
    device: { type: 'string', default: 'cpu' },
  },
});
const python = process.env.DELTABENCH_PYTHON ?? 'python3';

interface Case {
  readonly name: string;
  /** The two sides' programs. */
  readonly programs: readonly [ours: string, torch: string];
  /** Arguments of both sides, and of PyTorch's alone. */
  readonly shared: readonly string[];
  readonly torch: readonly string[];
  /** Steps, or prompts, a turn. */
  readonly steps: number;
}
const training = ['step.ts', 'torch_step.py'] as const;
const decoding = ['decode.ts', 'torch_generate.py'] as const;

const here = import.meta.dirname;
const folder = await mkdtemp(join(tmpdir(), 'deltabench-speed-'));

async function cases(): Promise<Case[]> {
  const sizes = [
    { name: '4×128, 2k words, 8×64', shape: [4, 128, 4, 2000, 8, 64], steps: 10 },
    { name: '6×384, 8k words, 16×64', shape: [6, 384, 6, 8000, 16, 64], steps: 3 },
    { name: '12×768, 32k words, 8×128', shape: [12, 768, 12, 32000, 8, 128], steps: 2 },
    ...(values.device === 'cpu'
      ? []
      : [{ name: 'GPT-2 medium, 10×96', shape: [24, 1024, 16, 50257, 10, 96], steps: 5 }]),
  ];
  const keys = ['--layers', '--width', '--heads', '--vocab', '--batch', '--length'];
  const equal = sizes.flatMap(({ name, shape, steps }) =>
    ['red', 'lora', 'full'].map((method) => ({
      name: `${name}, ${method}`,
      shared: [...keys.flatMap((key, i) => [key, String(shape[i])]), '--method', method],
      programs: training,
      torch: ['--serve'],
      steps,
    })),
  );
  const beams = { name: 'beam 10, 6×384, 8k words, 6 prompts of 50, 30 new tokens', programs: decoding, shared: [], torch: [], steps: 6 }; // prettier-ignore
  const data = process.env.DELTABENCH_DATA;
  if (!data) {
    console.error('E2E lengths: skipped, DELTABENCH_DATA is not set');
    return [...equal, beams];
  }
  const tokenizer = await loadTokenizer(join(data, 'tokenizers/gpt2'));
  const { train } = await loadE2E({ kind: 'folder', path: data });
  const pairs = train
    .filter((_, i) => i % 100 === 0)
    .map(({ meaning, reference }) =>
      task.encode(meaning, reference, tokenizer, { promptLength: 64, targetLength: 100 }),
    );
  const lengths = pairs.map(({ prompt, target }) => prompt.length + target.length);
  const share = pairs.reduce((sum, { target }) => sum + target.length, 0) / sum(lengths);
  const file = await writeLengths('e2e', lengths);
  const e2e = ['red', 'lora'].map((method) => ({
    name: `6×384, 50k words, E2E lengths against padding to 164, ${method}`,
    shared: ['--layers', '6', '--width', '384', '--heads', '6', '--vocab', '50257', '--batch', '10', '--method', method, '--lengths', file, '--targets', share.toFixed(3)], // prettier-ignore
    programs: training,
    torch: ['--serve', '--pad', 'max', '--length', '164', '--steps', '40'],
    steps: 2,
  }));
  return [...equal, ...e2e, ...(await mrpcCases(data)), beams];
}

/** An encoder of all-MiniLM-L6-v2's shape on MRPC's lengths: on the same batches, and against padding to 128. */
async function mrpcCases(data: string): Promise<Case[]> {
  const tokenizer = await loadTokenizer(join(data, 'tokenizers/roberta'));
  const { train } = await loadGlue('mrpc', { kind: 'folder', path: data });
  const encoded = train.slice(0, 1280).map((row) => encodeLabelled(row, tokenizer, 128));
  const file = await writeLengths('mrpc', encoded.map(({ ids }) => ids.length)); // prettier-ignore
  const shape = ['--model', 'roberta', '--layers', '6', '--width', '384', '--heads', '12', '--vocab', '30522', '--batch', '32', '--lengths', file]; // prettier-ignore
  return ['red', 'full'].flatMap((method) =>
    [
      { name: '', torch: [] },
      { name: ' against padding to 128', torch: ['--pad', 'max', '--length', '128'] },
    ].map(({ name, torch }) => ({
      name: `RoBERTa 6×384, 30k words, MRPC lengths${name}, ${method}`,
      shared: [...shape, '--method', method],
      programs: training,
      torch: ['--serve', '--steps', '40', ...torch],
      steps: 3,
    })),
  );
}

async function writeLengths(name: string, lengths: readonly number[]): Promise<string> {
  const file = join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify(lengths));
  return file;
}

/** Wall-clock seconds of `bench score` on 630 outputs, start included. */
async function timeScoring(golden: string): Promise<number> {
  const files = ['--predictions', join(golden, 'outputs/challenge-tgen.txt'), '--references', join(golden, 'refs/e2e-test.txt')]; // prettier-ignore
  const main = join(here, '../../harness/cli/main.ts');
  const begin = performance.now();
  await execa('node', ['--import', 'tsx', main, 'score', '--task', 'e2e', ...files, '--no-paraphrases']);
  return (performance.now() - begin) / 1000;
}

const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(2);
/** A median far above the minimum says that something else was running. */
const clean = (times: readonly number[]): boolean => median([...times]) <= 1.5 * min([...times]);

console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${values.threads} threads, node ${process.version}`);
console.log(
  'median ms a step (minimum); ratio = PyTorch / deltabench, median over alternations of medians; peak memory in GiB\n',
);
try {
  for (const { name, programs, shared, torch, steps } of await cases()) {
    if (!name.includes(values.only)) continue;
    const device = programs === training ? ['--device', values.device] : [];
    const threads = ['--threads', values.threads, ...device];
    const us = await startSide('node', ['--import', 'tsx', join(here, programs[0]), ...shared, ...threads]);
    const them = await startSide(python, [join(here, programs[1]), ...shared, ...threads, ...torch]);
    if (!us) throw new Error(`${name}: deltabench's side does not start`);
    const mine: number[] = [];
    const theirs: number[] = [];
    const ratios: number[] = [];
    let [peak, theirPeak] = [0, 0];
    for (let i = 0; i < Number(values.alternations); i++) {
      const a = await us.steps(steps);
      mine.push(...a.times);
      peak = a.peak;
      if (!them) continue;
      const b = await them.steps(steps);
      theirs.push(...b.times);
      theirPeak = b.peak;
      ratios.push(median(b.times) / median(a.times));
    }
    us.stop();
    them?.stop();
    const shown = (times: number[]): string => `${median(times).toFixed(1)} (${min(times).toFixed(1)})`;
    const verdict = !them
      ? 'PyTorch: skipped, it is not installed (DELTABENCH_PYTHON)'
      : `PyTorch ${shown(theirs)}, ratio ${median(ratios).toFixed(2)} [${ratios.map((r) => r.toFixed(2)).join(' ')}], memory ${gib(peak)} against ${gib(theirPeak)}`;
    const noise = clean(mine) && (!them || clean(theirs)) ? '' : '  VOID: another process was running';
    console.log(`${name}: deltabench ${shown(mine)}, ${verdict}${noise}`);
  }
  if ('costs of the methods'.includes(values.only))
    await printCosts(values.threads, Number(values.alternations));
  const golden = process.env.DELTABENCH_DATA && join(process.env.DELTABENCH_DATA, 'e2e-metrics-golden');
  if (!golden || !existsSync(golden))
    console.error('scoring: skipped, DELTABENCH_DATA has no e2e-metrics-golden');
  else if ('scoring'.includes(values.only)) {
    const times: number[] = [];
    for (let i = 0; i < Number(values.alternations); i++) times.push(await timeScoring(golden));
    console.log(`scoring 630 outputs by five metrics without paraphrases: ${median(times).toFixed(2)} s (${min(times).toFixed(2)})`); // prettier-ignore
  }
} finally {
  await rm(folder, { recursive: true });
}
