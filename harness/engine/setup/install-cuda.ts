/**
 * `bench setup cuda`: puts onnxruntime's CUDA provider beside the library of onnxruntime-node, whose npm package
 * has none. It takes the provider of the Python wheel of the same version, since both sides of their interface
 * have to agree.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { UsageError } from '../../support/errors.ts';
import { isSource } from '../../support/project-root.ts';
import { buildDeviceBinding } from './build-device-binding.ts';
import { CUDA_PROVIDER, missingLibraries, onnxruntimeFolder } from './cuda-provider.ts';
import { exists, packageFolder, run, type Say, unpackWheel, type Wheel } from './python-wheel.ts';

const VERSION = '1.30.0';
const WHEEL: Wheel = {
  requirement: `onnxruntime-gpu==${VERSION}`,
  python: '3.12',
  platform: 'manylinux_2_28_x86_64',
};
/** The wheel's files that are used, by sha256. The provider is last: where it exists, the others do too. */
const LIBRARIES: readonly (readonly [name: string, sha256: string])[] = [
  ['libonnxruntime_providers_shared.so', '086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d'],
  [CUDA_PROVIDER, '35da2e7ed0dd0d1aec5cdb16ce11a51d06c0c48cf62d1b1c9332946a4fae14fc'],
];

/** Whether a file is there and whole. */
async function isWhole(path: string, sha256: string): Promise<boolean> {
  if (!(await exists(path))) return false;
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex') === sha256;
}

/** Puts the wheel's libraries into onnxruntime's folder, each at once and whole. */
async function placeLibraries(from: string, to: string): Promise<void> {
  const folder = join(from, 'onnxruntime/capi');
  for (const [name, sha256] of LIBRARIES) {
    if (!(await isWhole(join(folder, name), sha256)))
      throw new UsageError(
        `${folder} does not hold ${name} as it is in ${WHEEL.requirement} (by its sha256).`,
      );
  }
  for (const [name] of LIBRARIES) {
    const partial = join(to, `${name}.partial`);
    await copyFile(join(folder, name), partial);
    await rename(partial, join(to, name));
  }
}

/** Puts the provider for CUDA 13 in place, unless it is there. */
async function installFromWheel(wheel: string | undefined, say: Say): Promise<void> {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  if (version !== VERSION)
    throw new UsageError(
      `onnxruntime-node ${version} is installed, and the provider of ${WHEEL.requirement} fits ${VERSION} only; ` +
        `"${isSource ? 'npm ci' : `npm install onnxruntime-node@${VERSION}`}" installs that.`,
    );
  const folder = onnxruntimeFolder();
  if (wheel !== undefined) await placeLibraries(wheel, folder);
  else {
    const whole = LIBRARIES.map(([name, sha256]) => isWhole(join(folder, name), sha256));
    if ((await Promise.all(whole)).every(Boolean)) {
      say(`The CUDA provider of ${WHEEL.requirement} is in place in ${folder}`);
      return;
    }
    const unpacked = join(folder, 'wheel');
    say(`Downloading ${WHEEL.requirement}`);
    try {
      await rm(unpacked, { recursive: true, force: true });
      await unpackWheel(WHEEL, unpacked);
      await placeLibraries(unpacked, folder);
    } finally {
      await rm(unpacked, { recursive: true, force: true });
    }
  }
  say(`Put ${LIBRARIES.map(([name]) => name).join(' and ')} into ${folder}`);
}

/** Installs the provider for CUDA 12 by onnxruntime-node's own installer. */
async function installForCuda12(say: Say): Promise<void> {
  const target = packageFolder('onnxruntime-node', 'npm ci brings it.');
  say("Running onnxruntime-node's installer for CUDA 12");
  await run(process.execPath, [join(target, 'script/install.js')], {
    missing: 'node is not there',
    failed: "onnxruntime-node's installer failed (it needs NuGet's server)",
    // 'true' stands for all that this platform has, which is CUDA 12. The installer parses "cuda12" but
    // ignores it, and the "skip" of .npmrc would win over arguments.
    env: { ONNXRUNTIME_NODE_INSTALL: 'true' },
  });
  say(`Put ${CUDA_PROVIDER} for CUDA 12 into ${onnxruntimeFolder()}`);
}

/**
 * Installs the provider for CUDA 13, from the unpacked wheel in the folder `wheel` where it is given, or that for
 * CUDA 12. Throws UsageError where that cannot be done.
 */
export async function installCuda({ wheel, cuda }: CudaOptions, say: Say): Promise<void> {
  if (cuda !== undefined && (cuda !== '12' || wheel !== undefined))
    throw new UsageError('--cuda takes 12 and no --wheel; without it the provider is for CUDA 13.');
  if (cuda === '12') await installForCuda12(say);
  else await installFromWheel(wheel === undefined ? undefined : resolve(wheel), say);
  await buildDeviceBinding().then(
    () => {
      say("Compiled the binding that keeps training state in the GPU's memory");
    },
    (error: unknown) => {
      say(`State will cross the bus in every step: ${(error as Error).message}`);
    },
  );
  const missing = await missingLibraries(join(onnxruntimeFolder(), CUDA_PROVIDER));
  say(missing ? `It misses ${missing.list}: ${missing.remedy}` : 'It finds all its libraries.');
}

/** What `bench setup cuda` is given. */
export interface CudaOptions {
  readonly wheel?: string;
  readonly cuda?: string;
}
