import { existsSync } from 'node:fs';
import { createEngine } from '../harness/engine/create.ts';
import type { Engine, EngineName } from '../harness/engine/types.ts';

/** An engine for tests of numbers. DELTABENCH_DEVICE has them run on another device than the CPU: `DELTABENCH_DEVICE=cuda npm test`. */
export function testEngine(name: EngineName): Promise<Engine> {
  const device = name === 'onnx' && process.env.DELTABENCH_DEVICE;
  return createEngine({ name, threads: 1, ...(device && { device }) });
}

/** Where Debian's chromium-common has a WebGPU adapter in software. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** What a process needs in its environment for WebGPU on a machine without a GPU. */
export const webgpuEnvironment: Readonly<Record<string, string>> =
  !process.env.VK_ICD_FILENAMES && existsSync(SWIFTSHADER) ? { VK_ICD_FILENAMES: SWIFTSHADER } : {};

/** What onnxruntime says where there is no adapter, and the reason to skip then. */
export const noAdapter = {
  says: 'Failed to get a WebGPU adapter',
  reason: 'no WebGPU adapter (Debian: chromium-common and libvulkan1 bring a software one)',
};
