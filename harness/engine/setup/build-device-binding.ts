/**
 * Compiles onnxruntime/device/binding.cc, with which state and frozen weights stay in the GPU's memory.
 * install-cuda.ts builds it into onnxruntime's folder; tests build it elsewhere.
 */
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeFile } from '../onnxruntime/device/native.ts';
import { onnxruntimeFolder } from './cuda-provider.ts';
import { packageFolder, run } from './python-wheel.ts';

const SOURCE = fileURLToPath(new URL('../onnxruntime/device/binding.cc', import.meta.url));

/** Writes the addon to `file`; throws Error with what is missing, or with the compiler's words. */
export async function buildDeviceBinding(file = nativeFile()): Promise<void> {
  if (process.platform !== 'linux')
    throw new Error(`The CUDA provider is there for Linux alone, not for ${process.platform}.`);
  const folder = onnxruntimeFolder();
  const headers = packageFolder('node-api-headers', 'npm install brings it (an optional dependency).');
  const partial = `${file}.partial`;
  const options = [
    ...['-shared', '-fPIC', '-fvisibility=hidden', '-O2', '-std=c++17'],
    // The addon may travel to a machine with an older standard library.
    ...['-static-libstdc++', '-static-libgcc'],
    ...['-I', join(headers, 'include'), SOURCE],
    ...[join(folder, 'libonnxruntime.so.1'), `-Wl,-rpath,$ORIGIN:${folder}`],
    ...['-o', partial],
  ];
  await run('g++', options, {
    missing: 'g++ is needed to compile the device binding; install it (Debian: apt-get install g++).',
    failed: 'g++ cannot compile the device binding',
  });
  await rename(partial, file);
}
