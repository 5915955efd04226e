import { execFile } from 'node:child_process';
import { totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { BaseModel } from '../../models/base-model.ts';
import type { Engine } from '../../engine/types.ts';
import { MICRO_BATCH_TOKENS } from '../../training/objectives/batch-shapes.ts';
import type { Cell } from '../plan/cell.ts';
import { sizeOf } from '../../support/arithmetic.ts';

/** What a run is expected to take. */
export interface Estimate {
  readonly seconds: number;
  readonly bytes: number;
  /** What weights and their optimiser take alone. */
  readonly leastBytes: number;
}

/** Such as `1.5 GiB`. */
export const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/** How fast this device computes, and how that is known. */
export interface Speed {
  /** Floating-point operations of a training step in a second. */
  readonly flops: number;
  readonly basis: string;
}

/** Examples of the splits, and tokens of one with its answer, roughly. */
interface Size {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  readonly tokens: number;
}

/** Official sizes, divided as the RED paper's code does; mean lengths in word pieces. */
const realSizes: Readonly<Record<string, Size>> = {
  cola: { train: 8_551, validation: 522, test: 521, tokens: 11 },
  sst2: { train: 67_349, validation: 436, test: 436, tokens: 13 },
  mrpc: { train: 3_668, validation: 204, test: 204, tokens: 53 },
  qqp: { train: 363_846, validation: 1_000, test: 39_430, tokens: 31 },
  stsb: { train: 5_749, validation: 750, test: 750, tokens: 31 },
  mnli: { train: 392_702, validation: 1_000, test: 18_647, tokens: 40 },
  qnli: { train: 104_743, validation: 1_000, test: 4_463, tokens: 51 },
  rte: { train: 2_490, validation: 138, test: 139, tokens: 72 },
  e2e: { train: 42_061, validation: 4_672, test: 630, tokens: 60 },
};
const builtinSize: Size = { train: 1_000, validation: 150, test: 150, tokens: 40 };

/** A step gets so much of what a large matrix product gets. */
const shareOfProduct = 0.6;
/** Decoding a token costs so many times what a token of a training batch does: its products have few rows. */
const decodingFactor = 3;

/** Estimates one run from its base's shapes: products count 2 operations a weight and token forwards, as much again backwards, and again where all weights learn. */
export function estimateCell(cell: Cell, base: BaseModel, { flops }: Speed): Estimate {
  const { recipe, limits, task } = cell;
  const size = (cell.source.kind === 'built-in' ? undefined : realSizes[task.name]) ?? builtinSize;
  const cut = (examples: number): number => Math.min(examples, limits.examples ?? Infinity);
  const { layers, width, heads, vocabulary, kind } = base.architecture;
  const body = base.sites.reduce((sum, site) => sum + (site.kind === 'linear' ? site.inputs * site.outputs : 0), 0); // prettier-ignore
  const weights = body + (kind === 'encoder' ? 0 : vocabulary * width);
  const isFull = cell.variant.parts.some(({ method }) => method.name === 'full');

  const epochSteps = Math.ceil(cut(size.train) / recipe.batchSize);
  const steps = Math.min(Math.ceil(recipe.epochs * epochSteps), recipe.maxSteps ?? Infinity);
  const training = steps * recipe.batchSize * size.tokens * (isFull ? 6 : 4) * weights;
  const evaluations = Math.ceil(steps / (recipe.evaluateEvery ?? epochSteps));
  const read = (evaluations * cut(size.validation) + cut(size.test)) * size.tokens * 2 * weights;
  const answers = kind === 'encoder' ? 0 : cut(size.test) + (task.kind === 'label' ? evaluations * cut(size.validation) : 0); // prettier-ignore
  const written = task.kind === 'label' ? 4 : recipe.stopAtEnd ? Math.min(40, recipe.maxNewTokens) : recipe.maxNewTokens; // prettier-ignore
  const decoding = answers * written * recipe.beams * 2 * weights * decodingFactor;

  const all = Object.values(base.shapes).reduce((sum, shape) => sum + sizeOf(shape), 0); // prettier-ignore
  const length = Math.min(2 * size.tokens, recipe.promptLength + recipe.targetLength);
  const most = MICRO_BATCH_TOKENS[kind === 'encoder' ? 'labels' : 'text'];
  const tokens = Math.min(recipe.batchSize * length, recipe.microBatch === undefined ? most : recipe.microBatch * length); // prettier-ignore
  // Per token and layer some 30 vectors of the width are kept for the gradient, and two rows of every head's attention.
  const activations = 4 * tokens * layers * (30 * width + 2 * heads * length);
  const logits = kind === 'encoder' ? 0 : 8 * tokens * vocabulary;
  const leastBytes = all * (isFull ? 16 : cell.precision === 'float32' ? 4 : 2);
  return {
    seconds: (training + read + decoding) / flops,
    bytes: leastBytes + activations + logits + 4e8,
    leastBytes,
  };
}

/** Bytes of memory that a device has: its own of a CUDA card, else the machine's. */
export async function deviceMemory(device: string | undefined): Promise<number> {
  const card = /^cuda(?::(\d+))?$/.exec(device ?? '');
  if (!card) return totalmem();
  try {
    const query = ['--query-gpu=memory.total', '--format=csv,noheader,nounits', `--id=${card[1] ?? 0}`];
    const { stdout } = await promisify(execFile)('nvidia-smi', query);
    return Number.parseInt(stdout, 10) * 2 ** 20 || Infinity;
  } catch {
    // Nothing is refused for want of a number.
    return Infinity;
  }
}

/** The device's speed from a timed matrix product. */
export async function measureSpeed(engine: Engine): Promise<Speed> {
  const { matMul } = await import('../../engine/ops.ts');
  const [rows, inputs, outputs] = [512, 1024, 4096];
  const state = engine.state({});
  const held = engine.freeze({});
  const types = { x: { shape: [rows, inputs], dtype: 'float32' }, w: { shape: [inputs, outputs], dtype: 'float32' } } as const; // prettier-ignore
  const program = await engine.compile({ name: 'calibration', frozen: held, state: state.types, inputs: types }, ({ inputs: { x, w } }) => ({ outputs: { y: matMul(x!, w!, false, false).sum() } })); // prettier-ignore
  const arrays = { x: new Float32Array(rows * inputs).fill(0.5), w: new Float32Array(inputs * outputs).fill(0.5) }; // prettier-ignore
  let best = Infinity;
  for (let run = 0; run < 4; run++) {
    const start = performance.now();
    await program.run(state, arrays);
    best = Math.min(best, (performance.now() - start) / 1000);
  }
  await program.dispose();
  state.dispose();
  held.dispose();
  const rate = (2 * rows * inputs * outputs) / best;
  const basis = `a matrix product of ${rows}×${inputs}×${outputs} at ${(rate / 1e9).toFixed(0)} GFLOP/s, of which a step gets ${100 * shareOfProduct} %`;
  return { flops: rate * shareOfProduct, basis };
}
