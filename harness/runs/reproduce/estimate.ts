/**
 * Estimates how long a run takes on this device and how much memory it needs, before anything of it is run.
 */
import { execFile } from 'node:child_process';
import { totalmem } from 'node:os';
import { promisify } from 'node:util';
import type { BaseModel } from '../../models/base-model.ts';
import { formatOf, packedSites } from '../../models/bases/base-weights.ts';
import type { Engine } from '../../engine/types.ts';
import { MICRO_BATCH_TOKENS } from '../../training/objectives/batch-shapes.ts';
import type { Cell } from '../plan/cell.ts';
import type { DataSize } from '../../data/examples/task.ts';
import { sizeOf, sum } from '../../support/arithmetic.ts';

/** The memory that a run is expected to take. */
export interface MemoryEstimate {
  readonly bytes: number;
  /** The memory of weights and optimiser alone. */
  readonly leastBytes: number;
}

/** The time and the memory that a run is expected to take. */
export interface Estimate extends MemoryEstimate {
  /** Undefined where the task does not say how large its data is. */
  readonly seconds: number | undefined;
}

/** Writes a size: `1.5 GiB`. */
export const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

/** How fast this device computes, and how that is known. */
export interface Speed {
  /** Floating-point operations of a training step in a second. */
  readonly flops: number;
  readonly basis: string;
}

/** The share of a large matrix product's speed that a training step gets. */
const shareOfProduct = 0.6;
/** How much more decoding a token costs than a token of a training batch: its products have few rows. */
const decodingFactor = 3;

/**
 * Estimates one run from its base's shapes. A product counts 2 operations a weight and token forwards, as
 * much again backwards, and again where all weights learn.
 */
export function estimateCell(cell: Cell, base: BaseModel, { flops }: Speed): Estimate {
  const { recipe, limits, task } = cell;
  const memory = estimateMemory(cell, base);
  const size = sizeOfData(cell);
  if (!size) return { ...memory, seconds: undefined };
  const cut = (examples: number): number => Math.min(examples, limits.examples ?? Infinity);
  const { width, vocabulary, kind } = base.architecture;
  const body = sum(base.sites.map((site) => (site.kind === 'linear' ? site.inputs * site.outputs : 0)));
  const weights = body + (kind === 'encoder' ? 0 : vocabulary * width);

  const epochSteps = Math.ceil(cut(size.train) / recipe.batchSize);
  const steps = Math.min(Math.ceil(recipe.epochs * epochSteps), recipe.maxSteps ?? Infinity);
  const training = steps * recipe.batchSize * size.tokens * (trainsAll(cell) ? 6 : 4) * weights;
  const evaluations = Math.ceil(steps / (recipe.evaluateEvery ?? epochSteps));
  const read = (evaluations * cut(size.validation) + cut(size.test)) * size.tokens * 2 * weights;
  const validated = task.kind === 'label' ? evaluations * cut(size.validation) : 0;
  const answers = kind === 'encoder' ? 0 : cut(size.test) + validated;
  const textLength = recipe.stopAtEnd ? Math.min(40, recipe.maxNewTokens) : recipe.maxNewTokens;
  const written = task.kind === 'label' ? 4 : textLength;
  const decoding = answers * written * recipe.beams * 2 * weights * decodingFactor;
  return { ...memory, seconds: (training + read + decoding) / flops };
}

/**
 * Estimates the memory of one run; where the task does not say how long its examples are, by the lengths
 * allowed.
 */
export function estimateMemory(cell: Cell, base: BaseModel): MemoryEstimate {
  const { recipe, precision } = cell;
  const { layers, width, heads, vocabulary, kind } = base.architecture;
  const all = sum(Object.values(base.shapes).map(sizeOf));
  const meanLength = sizeOfData(cell)?.tokens ?? Infinity;
  const length = Math.min(2 * meanLength, recipe.promptLength + recipe.targetLength);
  const most = MICRO_BATCH_TOKENS[kind === 'encoder' ? 'labels' : 'text'];
  const microBatch = recipe.microBatch === undefined ? most : recipe.microBatch * length;
  const tokens = Math.min(recipe.batchSize * length, microBatch);
  // The gradient keeps some 30 vectors of the width for each token and layer, and two rows of every head's
  // attention.
  const activations = 4 * tokens * layers * (30 * width + 2 * heads * length);
  const logits = kind === 'encoder' ? 0 : 8 * tokens * vocabulary;
  const frozenBytes = precision === 'float32' ? 4 : 2;
  const leastBytes = trainsAll(cell) ? 16 * all : frozenBytes * all - savedBytes(base, frozenBytes);
  return { bytes: leastBytes + activations + logits + 4e8, leastBytes };
}

/** The bytes by which packed weights are smaller than those of `frozenBytes` each. */
function savedBytes({ sites, weights }: BaseModel, frozenBytes: number): number {
  if (!weights) return 0;
  const format = formatOf(weights);
  const packedBytes = 'blockSize' in format ? 0.5 + 4 / format.blockSize : 2;
  const numbers = [...packedSites({ sites }).values()].map(({ inputs, outputs }) => inputs * outputs);
  return sum(numbers) * (frozenBytes - packedBytes);
}

/** How large a cell's data is; undefined where its task does not say. */
function sizeOfData({ task, source }: Cell): DataSize | undefined {
  return (source.kind === 'built-in' ? task.builtinSizes : undefined) ?? task.sizes;
}

function trainsAll({ variant }: Cell): boolean {
  return variant.parts.some(({ method }) => method.name === 'full');
}

/** Bytes of memory of a device: a CUDA card's own, else the machine's. */
export async function deviceMemory(device: string | undefined): Promise<number> {
  const card = /^cuda(?::(\d+))?$/.exec(device ?? '');
  if (!card) return totalmem();
  try {
    const query = ['--query-gpu=memory.total', '--format=csv,noheader,nounits', `--id=${card[1] ?? 0}`];
    const { stdout } = await promisify(execFile)('nvidia-smi', query);
    return Number.parseInt(stdout, 10) * 2 ** 20 || Infinity;
  } catch {
    // Where the memory is not known, nothing is refused.
    return Infinity;
  }
}

/** Rows, inputs and outputs of the matrix product that is timed. */
const [ROWS, INPUTS, OUTPUTS] = [512, 1024, 4096];

/** Measures the device's speed by a matrix product, the best of four runs. */
export async function measureSpeed(engine: Engine): Promise<Speed> {
  const { matMul } = await import('../../engine/ops.ts');
  const state = engine.state({});
  const frozen = engine.freeze({});
  const inputs = {
    x: { shape: [ROWS, INPUTS], dtype: 'float32' },
    w: { shape: [INPUTS, OUTPUTS], dtype: 'float32' },
  } as const;
  const program = await engine.compile(
    { name: 'calibration', frozen, state: state.types, inputs },
    ({ inputs: { x, w } }) => ({ outputs: { y: matMul(x!, w!, false, false).sum() } }),
  );
  const arrays = {
    x: new Float32Array(ROWS * INPUTS).fill(0.5),
    w: new Float32Array(INPUTS * OUTPUTS).fill(0.5),
  };
  let best = Infinity;
  for (let run = 0; run < 4; run++) {
    const start = performance.now();
    await program.run(state, arrays);
    best = Math.min(best, (performance.now() - start) / 1000);
  }
  await program.dispose();
  state.dispose();
  frozen.dispose();
  const rate = (2 * ROWS * INPUTS * OUTPUTS) / best;
  const product = `a matrix product of ${ROWS}×${INPUTS}×${OUTPUTS} at ${(rate / 1e9).toFixed(0)} GFLOP/s`;
  const basis = `${product}, of which a step gets ${100 * shareOfProduct} %`;
  return { flops: rate * shareOfProduct, basis };
}
