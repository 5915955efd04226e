/**
 * Chooses what computes the runs of a plan: engine, device, threads and precision; refuses what does not go
 * together.
 */
import { availableParallelism } from 'node:os';
import { didYouMean, UsageError } from '../../support/errors.ts';
import { precisionProblem } from '../../engine/create.ts';
import { type BaseWeights, baseWeightsText, parseBaseWeights } from '../../models/bases/base-weights.ts';
import { usableMemory } from '../../support/usable-memory.ts';
import { precisions, type EngineName, type Precision } from '../../engine/types.ts';

/** What a person asked for. */
export interface EngineRequest {
  readonly engine: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  readonly precision?: string | undefined;
  readonly recompute?: boolean | undefined;
  readonly batchSeeds?: boolean | undefined;
}

/** What computes the runs of a plan, with defaults filled in. */
export interface EngineChoice {
  readonly name: EngineName;
  readonly device: string | undefined;
  readonly threads: number;
  readonly precision: Precision;
  readonly recompute: boolean;
  /** The memory that a run may take, in bytes; undefined on devices that have memory of their own. */
  readonly memory?: number;
}

const engineNames: readonly EngineName[] = ['onnx', 'tensorflow', 'js'];
/** Names of other tools for precisions and devices. */
const precisionNames: Readonly<Record<string, Precision>> = {
  fp32: 'float32',
  f32: 'float32',
  single: 'float32',
  full: 'float32',
  '32': 'float32',
  fp16: 'float16',
  f16: 'float16',
  half: 'float16',
  '16': 'float16',
  bf16: 'bfloat16',
  brain: 'bfloat16',
  bfloat: 'bfloat16',
};
const deviceNames: Readonly<Record<string, string>> = {
  gpu: 'cuda',
  nvidia: 'cuda',
  '0': 'cuda:0',
  '1': 'cuda:1',
  mps: 'webgpu',
  metal: 'webgpu',
  vulkan: 'webgpu',
  wgpu: 'webgpu',
  rocm: 'webgpu',
};

/** Checks what was asked for; throws UsageError where something does not exist, or does not go together. */
export function findEngine(request: EngineRequest): EngineChoice {
  const { engine, device, precision: asked = 'float32', recompute = false, batchSeeds = false } = request;
  const name = engineNames.find((known) => known === engine);
  if (!name) {
    const suggestion = didYouMean(engine, engineNames);
    throw new UsageError(`There is no engine "${engine}".${suggestion} Engines: ${engineNames.join(', ')}.`);
  }
  if (device !== undefined) checkDevice(name, device);
  const precision = precisions.find((known) => known === asked);
  if (!precision) {
    const suggestion = suggest(asked, precisionNames, precisions);
    throw new UsageError(`--precision ${asked}: it can be ${precisions.join(', ')}.${suggestion}`);
  }
  const problem = precisionProblem({ name, precision, ...(device !== undefined && { device }) });
  if (problem !== undefined) throw new UsageError(`--precision ${precision}: ${problem}.`);
  if (recompute && name !== 'onnx') {
    throw new UsageError(
      `--recompute changes programs that are recorded: leave it out, or --engine ${name}.`,
    );
  }
  if (batchSeeds && name !== 'onnx') {
    throw new UsageError(
      `--batch-seeds needs programs that are recorded: leave it out, or --engine ${name}.`,
    );
  }
  if (batchSeeds && recompute)
    throw new UsageError('--recompute works for runs by themselves: leave it out, or --batch-seeds.');
  const threads = request.threads ?? availableParallelism();
  const onHost = device === undefined || device === 'cpu';
  return { name, device, threads, precision, recompute, ...(onHost && { memory: usableMemory() }) };
}

/** Reads `--base-weights`; throws UsageError where the engine has no packed weights. */
export function findBaseWeights(
  asked: string | undefined,
  { name, device = 'cpu' }: Pick<EngineChoice, 'name' | 'device'>,
): BaseWeights | null | undefined {
  if (asked === undefined) return undefined;
  const weights = parseBaseWeights(asked);
  if (weights) checkPacked(weights, { name, device });
  return weights;
}

/** Throws UsageError where an engine cannot compute with a base's packed weights. */
export function checkPacked(
  weights: BaseWeights,
  { name, device = 'cpu' }: Pick<EngineChoice, 'name' | 'device'>,
): void {
  if (name === 'onnx' && device !== 'webgpu') return;
  const [what, where] =
    name === 'onnx' ? ['WebGPU', '--device cpu or cuda'] : [`the engine ${name}`, '--engine onnx'];
  throw new UsageError(
    `${what} has no products with base weights in ${baseWeightsText(weights)}; take ${where}, ` +
      'or --base-weights float32.',
  );
}

function checkDevice(engine: EngineName, device: string): void {
  if (engine !== 'onnx') {
    if (device === 'cpu') return;
    const does = engine === 'js' ? 'computes on the CPU alone' : 'chooses its device itself';
    throw new UsageError(`--device ${device}: the engine ${engine} ${does}; leave it out, or --engine.`);
  }
  if (/^(cpu|webgpu|cuda(:\d+)?)$/.test(device)) return;
  const known = ['cpu', 'webgpu', 'cuda', 'cuda:0', 'cuda:1'];
  const suggestion = suggest(device.replace(/^gpu:/i, 'cuda:'), deviceNames, known);
  throw new UsageError(
    `There is no device "${device}".${suggestion} Devices: cpu, webgpu, cuda, cuda:1, …; ` +
      `"doctor" says which of them work here.`,
  );
}

/** Suggests the name that another tool means, or one that is nearly written so. */
function suggest(asked: string, others: Readonly<Record<string, string>>, names: readonly string[]): string {
  const plain = asked.toLowerCase().replace(/^torch\./, '');
  return Object.hasOwn(others, plain) ? ` Did you mean "${others[plain]!}"?` : didYouMean(plain, names);
}
