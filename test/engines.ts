import { createEngine } from '../harness/engine/create.ts';
import type { Engine, EngineName } from '../harness/engine/types.ts';

/** An engine for tests of numbers. DELTABENCH_DEVICE has them run on another device than the CPU: `DELTABENCH_DEVICE=cuda npm test`. */
export function testEngine(name: EngineName): Promise<Engine> {
  const device = name === 'onnx' && process.env.DELTABENCH_DEVICE;
  return createEngine({ name, threads: 1, ...(device && { device }) });
}
