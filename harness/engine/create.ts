import { availableParallelism } from 'node:os';
import type { Engine, EngineName } from './types.ts';

export interface EngineOptions {
  readonly name: EngineName;
  /** 'cpu', 'webgpu', 'cuda', 'cuda:1'; engines other than onnx choose their own. */
  readonly device?: string;
  /** Threads of the CPU that operations may use; all cores where absent. */
  readonly threads?: number;
  /** Trades time for memory in training (onnx); see recompute.ts. */
  readonly recompute?: boolean;
}

/** Starts an engine; throws where it is not installed, with the way to get it. */
export async function createEngine(options: EngineOptions): Promise<Engine> {
  const { name, device = 'cpu', threads = availableParallelism(), recompute = false } = options;
  switch (name) {
    case 'onnx': {
      const { createOnnxEngine } = await import('./onnx.ts');
      return createOnnxEngine({ device, threads, recompute });
    }
    case 'js': {
      const { createEagerEngine } = await import('./eager.ts');
      return createEagerEngine('js', 'cpu', 'cpu');
    }
    case 'tensorflow': {
      const { loadTensorflow } = await import('./tensorflow.ts');
      const { createEagerEngine } = await import('./eager.ts');
      return createEagerEngine('tensorflow', await loadTensorflow(), 'tensorflow');
    }
  }
}
