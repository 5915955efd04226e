/** Engines and devices of the tests. */
import { existsSync } from 'node:fs';
import { createEngine } from '../harness/engine/create.ts';
import type { Engine, EngineName } from '../harness/engine/types.ts';

/**
 * An engine for tests of numbers; `DELTABENCH_DEVICE=cuda npm test` runs them on another device than the CPU.
 */
export function testEngine(name: EngineName): Promise<Engine> {
  const device = name === 'onnx' && process.env.DELTABENCH_DEVICE;
  return createEngine({ name, threads: 1, ...(device && { device }) });
}

/** The WebGPU adapter in software of Debian's chromium-common. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** The environment that WebGPU needs on a machine without a GPU. */
export const webgpuEnvironment: Readonly<Record<string, string>> =
  !process.env.VK_ICD_FILENAMES && existsSync(SWIFTSHADER) ? { VK_ICD_FILENAMES: SWIFTSHADER } : {};

/** onnxruntime's message where there is no adapter, and the reason to skip a test then. */
export const noAdapter = {
  says: 'Failed to get a WebGPU adapter',
  reason: 'no WebGPU adapter (Debian: chromium-common and libvulkan1 bring a software one)',
};
