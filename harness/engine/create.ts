/** Starts engines. A tensor library is loaded only with the engine that needs it. */
import { availableParallelism } from 'node:os';
import { allowTf32 } from './onnxruntime/allow-tf32.ts';
import { loadNative } from './onnxruntime/device/native.ts';
import { checkCudaProvider } from './setup/cuda-provider.ts';
import type { Engine, EngineName, Precision } from './types.ts';

/** Which engine to start, and on what. */
export interface EngineOptions {
  readonly name: EngineName;
  /** 'cpu', 'webgpu', 'cuda', 'cuda:1'; engines other than onnx choose their own. */
  readonly device?: string;
  /** CPU threads that operations may use; all cores where absent. */
  readonly threads?: number;
  /** Trades time for memory in training, on onnx alone (graph/recompute.ts). */
  readonly recompute?: boolean;
  /** Precision of matrix products; float32 where absent. */
  readonly precision?: Precision;
}

/** Why an engine lacks products of the precision; undefined where it has them. */
export function precisionProblem({ name, device, precision }: EngineOptions): string | undefined {
  if (precision === undefined || precision === 'float32') return undefined;
  if (name !== 'onnx') {
    const only = `${name} computes in float32, the only floating-point type of tfjs`;
    return `${only}; the engine onnx has ${precision}`;
  }
  if (precision === 'tf32' && !device?.startsWith('cuda'))
    return 'only the tensor cores of NVIDIA have it: --device cuda';
  if (device === 'webgpu' && precision === 'bfloat16') return 'WebGPU has no bfloat16; it has float16';
  return undefined;
}

/**
 * Starts an engine; throws where it is not installed, with the way to get it, or where it lacks the
 * precision.
 */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { name, device = 'cpu', threads = availableParallelism() } = options;
  const { precision = 'float32', recompute = false } = options;
  const problem = precisionProblem(options);
  if (problem !== undefined) throw new RangeError(problem);
  switch (name) {
    case 'onnx': {
      const onCuda = device.startsWith('cuda');
      if (onCuda) {
        await checkCudaProvider();
        allowTf32(precision === 'tf32');
      }
      const { createOnnxEngine } = await import('./onnxruntime/engine.ts');
      const native = onCuda ? loadNative() : undefined;
      return createOnnxEngine({ device, threads, precision, recompute, native });
    }
    case 'js': {
      const { createEagerEngine } = await import('./tfjs/engine.ts');
      return createEagerEngine('js', 'cpu', 'cpu');
    }
    case 'tensorflow': {
      const { loadTensorflow } = await import('./tfjs/load-tensorflow.ts');
      const { createEagerEngine } = await import('./tfjs/engine.ts');
      return createEagerEngine('tensorflow', await loadTensorflow(), 'tensorflow');
    }
  }
}
