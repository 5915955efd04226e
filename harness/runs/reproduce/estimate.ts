/**
 * Estimates how long a run takes on this device and how much memory it needs, before anything of it is run.
 */
import type { Engine } from '../../engine/types.ts';
import type { AttachedCell } from '../cell/attach-cell.ts';
import { cellMemory, sizeOfData } from '../memory/cell-memory.ts';
import type { Cell } from '../plan/cell.ts';
import { sum } from '../../support/numbers/arithmetic.ts';

/** The time and the memory that a run is expected to take. */
export interface Estimate {
  /** Undefined where the task does not say how large its data is. */
  readonly seconds: number | undefined;
  /** The memory at the most, and that of weights and optimiser alone. */
  readonly bytes: number;
  readonly leastBytes: number;
}

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
export function estimateCell(
  run: Pick<AttachedCell, 'cell' | 'base' | 'delta'>,
  { flops }: Speed,
  recompute?: boolean,
): Estimate {
  const { cell, base } = run;
  const { recipe, limits, task } = cell;
  const { total: bytes, least: leastBytes } = cellMemory(run, recompute);
  const memory = { bytes, leastBytes };
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

function trainsAll({ variant }: Cell): boolean {
  return variant.parts.some(({ method }) => method.name === 'full');
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
