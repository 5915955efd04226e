/** The cases of the speed benchmark: what is timed, and the programs of each side. */
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { sum } from 'simple-statistics';
import { loadE2E } from '../../harness/data/sets/e2e/load.ts';
import { encodeLabelled } from '../../harness/data/examples/encode-labelled.ts';
import { loadGlue } from '../../harness/data/sets/glue/load.ts';
import { writeSafetensors, type StoredTensor } from '../../harness/data/formats/safetensors.ts';
import { loadTokenizer } from '../../harness/data/tokenizers/tokenizer.ts';
import { loadTensorflow } from '../../harness/engine/tfjs/load-tensorflow.ts';
import type { EngineName } from '../../harness/engine/types.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import task from '../../tasks/e2e.ts';
import { evaluationRows } from './evaluations.ts';
import { startAnew, startSide, type Side } from './side.ts';

/** The report's tables. */
export const topics = ['steps', 'lengths', 'start', 'decoding', 'costs', 'scoring', 'evaluations'] as const;

/** Sides that are timed in turns: a row of the report. */
export interface Case {
  readonly topic: (typeof topics)[number];
  readonly name: string;
  readonly method?: string;
  readonly engine?: string;
  /** Steps, or prompts, of a turn. */
  readonly steps: number;
  /** The sides by name, deltabench first. */
  readonly sides: Readonly<Record<string, () => Promise<Side>>>;
  /** The case takes long, so it runs only by name (`--only`). */
  readonly onDemand?: true;
}

/** What the cases run on and with. */
export interface CaseOptions {
  readonly threads: string;
  readonly device: string;
  /** A Python with torch, transformers and peft. */
  readonly python: string;
  /** DELTABENCH_DATA; cases of real data are left out without it. */
  readonly data: string | undefined;
  /** DELTABENCH_BASES, a folder of bases. */
  readonly bases: string | undefined;
  /** A Python with lm-eval[hf]; evaluations are left out without it. */
  readonly lmEval: string | undefined;
  /** lm-eval's batch size in place of the rows' own. */
  readonly lmEvalBatch: string | undefined;
  /** A folder for the files that the sides read. */
  readonly folder: string;
}

const here = import.meta.dirname;
const node = (program: string, args: readonly string[]): Promise<Side> =>
  startSide('node', ['--import', 'tsx', join(here, program), ...args]);

/** Options of both sides' programs for [layers, width, heads, vocabulary, B, T]: a model and its batches. */
function shapeOptions(shape: readonly number[]): string[] {
  const keys = ['--layers', '--width', '--heads', '--vocab', '--batch', '--length'];
  return shape.flatMap((size, i) => [keys[i]!, String(size)]);
}

const small = '6×384, 8k words, 16×64';
const smallShape = [6, 384, 6, 8000, 16, 64];
const mediumShape = [24, 1024, 16, 50257, 10, 96];

/** All cases that this machine can time. */
export async function listCases(options: CaseOptions): Promise<Case[]> {
  const { data } = options;
  if (!data) console.error('real lengths and scoring: skipped, DELTABENCH_DATA is not set');
  return [
    ...(await equalShapes(options)),
    ...(data ? [...(await e2eLengths(data, options)), ...(await mrpcLengths(data, options))] : []),
    ...firstSteps(options),
    beamSearch(options),
    ...(await costs(options)),
    ...(data ? scoring(data) : []),
    ...(await evaluationRows(options)),
  ];
}

/** A training step to time. */
interface Training {
  readonly options: CaseOptions;
  readonly method: string;
  readonly engine?: EngineName;
  /** Arguments of all sides, and of PyTorch's alone. */
  readonly shared: readonly string[];
  readonly torch?: readonly string[];
}

/**
 * A training step's sides: deltabench, PyTorch with and without torch.compile, and the step's matrix products
 * alone.
 */
function trainingSides({
  options,
  method,
  engine = 'onnx',
  shared,
  torch = [],
}: Training): Pick<Case, 'method' | 'engine' | 'sides'> {
  const { threads, device, python } = options;
  const all = [...shared, '--method', method, '--threads', threads, '--device', device];
  const ours = [...all, '--engine', engine];
  const theirs = [join(here, 'torch_step.py'), ...all, ...torch, '--serve'];
  return {
    method,
    engine: `${engine} ${device}`,
    sides: {
      deltabench: () => node('step.ts', ours),
      eager: () => startSide(python, theirs),
      compiled: () => startSide(python, [...theirs, '--compile']),
      products: () => node('step.ts', [...ours, '--only-products']),
    },
  };
}

async function equalShapes(options: CaseOptions): Promise<Case[]> {
  const sizes = [
    { name: '4×128, 2k words, 8×64', shape: [4, 128, 4, 2000, 8, 64], steps: 10 },
    { name: small, shape: smallShape, steps: 3 },
    { name: '12×768, 32k words, 8×128', shape: [12, 768, 12, 32000, 8, 128], steps: 2 },
    ...(options.device === 'cpu' ? [] : [{ name: 'GPT-2 medium, 10×96', shape: mediumShape, steps: 5 }]),
  ];
  const row = (engine: EngineName, { name, shape, steps }: (typeof sizes)[number]): Case[] =>
    ['red', 'lora', 'full'].map((method) => {
      const sides = trainingSides({ options, method, engine, shared: shapeOptions(shape) });
      return { topic: 'steps', name, steps, ...sides };
    });
  const onnx = sizes.flatMap((size) => row('onnx', size));
  try {
    await loadTensorflow();
    return [...onnx, ...row('tensorflow', sizes[0]!)];
  } catch (error) {
    console.error(`tensorflow: skipped, ${(error as Error).message}`);
    return onnx;
  }
}

/** A GPT-2 on E2E's lengths, against the padding to 164 of the RED paper's code. */
async function e2eLengths(data: string, options: CaseOptions): Promise<Case[]> {
  const tokenizer = await loadTokenizer(join(data, 'tokenizers/gpt2'));
  const { train } = await loadE2E({ kind: 'folder', path: data });
  const pairs = train
    .filter((_, i) => i % 100 === 0)
    .map(({ meaning, reference }) =>
      task.encode(meaning, reference, tokenizer, { promptLength: 64, targetLength: 100 }),
    );
  const lengths = pairs.map(({ prompt, target }) => prompt.length + target.length);
  const share = sum(pairs.map(({ target }) => target.length)) / sum(lengths);
  const file = await writeLengths(options.folder, 'e2e', lengths);
  const shared = [...shapeOptions([6, 384, 6, 50257, 10]), '--lengths', file, '--targets', share.toFixed(3)];
  const torch = ['--pad', 'max', '--length', '164', '--steps', '40'];
  return ['red', 'lora'].map((method) => ({
    topic: 'lengths',
    name: 'GPT-2 6×384, 50k words, E2E, PyTorch pads to 164',
    steps: 2,
    ...trainingSides({ options, method, shared, torch }),
  }));
}

/**
 * An encoder of all-MiniLM-L6-v2's shape on MRPC's lengths: on the same batches, and against padding to 128.
 */
async function mrpcLengths(data: string, options: CaseOptions): Promise<Case[]> {
  const tokenizer = await loadTokenizer(join(data, 'tokenizers/roberta'));
  const { train } = await loadGlue('mrpc', { kind: 'folder', path: data });
  const encoded = train.map((row) => encodeLabelled(row, tokenizer, 128));
  const tokenCounts = encoded.map(({ ids }) => ids.length);
  const file = await writeLengths(options.folder, 'mrpc', tokenCounts);
  const shared = ['--model', 'roberta', ...shapeOptions([6, 384, 12, 30522, 32]), '--lengths', file];
  return ['red', 'full'].flatMap((method) =>
    [
      { name: '', torch: [] },
      { name: ', PyTorch pads to 128', torch: ['--pad', 'max', '--length', '128'] },
    ].map(({ name, torch }): Case => ({
      topic: 'lengths',
      name: `RoBERTa 6×384, 30k words, MRPC${name}`,
      steps: 3,
      ...trainingSides({ options, method, shared, torch: ['--steps', '40', ...torch] }),
    })),
  );
}

async function writeLengths(folder: string, name: string, lengths: readonly number[]): Promise<string> {
  const file = join(folder, `${name}.json`);
  await writeFile(file, JSON.stringify(lengths));
  return file;
}

/** From the start of the process to the end of the first step, the base read from a checkpoint. */
function firstSteps(options: CaseOptions): Case[] {
  const { threads, device, python, folder } = options;
  return [
    { name: small, shape: smallShape },
    { name: 'GPT-2 medium, 10×96', shape: mediumShape, onDemand: true as const },
  ].map(({ name, shape, ...more }): Case => {
    const checkpoint = join(folder, name);
    const machine = ['--threads', threads, '--device', device];
    const all = [...shapeOptions(shape), '--checkpoint', checkpoint, '--method', 'red', ...machine];
    return {
      topic: 'start',
      name,
      method: 'red',
      engine: `onnx ${device}`,
      steps: 1,
      sides: {
        async deltabench() {
          await writeCheckpoint(checkpoint, shape);
          return startAnew('node', ['--import', 'tsx', join(here, 'step.ts'), ...all]);
        },
        eager: () => startAnew(python, [join(here, 'torch_step.py'), ...all, '--serve']),
      },
      ...more,
    };
  });
}

/** A random GPT-2 in Hugging Face layout. */
async function writeCheckpoint(
  folder: string,
  [layers, width, heads, vocab]: readonly number[],
): Promise<void> {
  const base = await loadBase(`random-gpt2~layers=${layers},width=${width},heads=${heads},vocab=${vocab}`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.json'), JSON.stringify(base.config));
  const tensors = Object.entries(base.shapes).map(([name, shape]): [string, StoredTensor] => [
    name,
    { shape, data: () => base.tensor(name) },
  ]);
  await writeSafetensors(join(folder, 'model.safetensors'), Object.fromEntries(tensors), { format: 'pt' });
}

function beamSearch({ threads, python }: CaseOptions): Case {
  return {
    topic: 'decoding',
    name: '6×384, 8k words, 10 beams, 6 prompts of 50, 30 new tokens',
    engine: 'onnx cpu',
    steps: 6,
    sides: {
      deltabench: () => node('decode.ts', ['--threads', threads]),
      eager: () => startSide(python, [join(here, 'torch_generate.py'), '--threads', threads]),
    },
  };
}

/** Each method's step beside RED's and full fine-tuning's. */
async function costs({ threads, device }: CaseOptions): Promise<Case[]> {
  const shared = [...shapeOptions(smallShape), '--threads', threads, '--device', device];
  const start = (method: string) => () => node('step.ts', [...shared, '--method', method]);
  // `none` trains a classification head alone, which a language model lacks.
  const methods = [...(await loadMethods()).keys()].filter((method) => method !== 'none');
  return methods.map((method) => ({
    topic: 'costs',
    name: small,
    method,
    engine: `onnx ${device}`,
    steps: 1,
    sides: { deltabench: start(method), red: start('red'), full: start('full') },
  }));
}

/** `bench score` on 630 outputs, the start of the process included. */
function scoring(data: string): Case[] {
  const golden = join(data, 'e2e-metrics-golden');
  if (!existsSync(golden)) {
    console.error('scoring: skipped, DELTABENCH_DATA has no e2e-metrics-golden');
    return [];
  }
  const predictions = ['--predictions', join(golden, 'outputs/challenge-tgen.txt')];
  const references = ['--references', join(golden, 'refs/e2e-test.txt')];
  const program = ['--import', 'tsx', join(here, '../../harness/cli/main.ts')];
  const command = ['score', '--task', 'e2e', ...predictions, ...references, '--no-paraphrases'];
  const args = [...program, ...command];
  const score = async (): Promise<number> => {
    const begin = performance.now();
    await execa('node', args);
    return performance.now() - begin;
  };
  const side: Side = {
    ready: { versions: { node: process.version } },
    steps: async () => ({ times: [await score()], peak: 0 }),
    stop: () => undefined,
  };
  const name = '630 outputs of E2E by five metrics, without paraphrases';
  return [{ topic: 'scoring', name, steps: 1, sides: { deltabench: () => Promise.resolve(side) } }];
}
