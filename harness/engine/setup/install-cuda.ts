/**
 * Puts onnxruntime's CUDA provider beside the library of onnxruntime-node, whose npm package has none. It
 * takes the provider of the Python wheel of the same version, since both sides of their interface have to
 * agree.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { buildDeviceBinding } from './build-device-binding.ts';
import { CUDA_PROVIDER, missingLibraries, onnxruntimeFolder } from './cuda-provider.ts';
import { exists, install, packageFolder, run, unpackWheel, type Wheel } from './python-wheel.ts';

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
const USAGE = `npm run setup:cuda [-- --wheel DIR | --cuda 12]

Puts onnxruntime's CUDA provider (CUDA 13, cuDNN 9) beside onnxruntime-node's library:
from the wheel ${WHEEL.requirement}, which python3's pip downloads (250 MB).
NVIDIA's driver and libraries are not in it: "bench doctor" says which are missing.
Then compiles, with g++, the binding that keeps training state in the GPU's memory.

  --wheel DIR  the unpacked wheel, or the site-packages folder where pip installed it
  --cuda 12    the provider for CUDA 12 instead, by onnxruntime-node's own installer`;

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
      throw new Error(`${folder} does not hold ${name} as it is in ${WHEEL.requirement} (by its sha256).`);
  }
  for (const [name] of LIBRARIES) {
    const partial = join(to, `${name}.partial`);
    await copyFile(join(folder, name), partial);
    await rename(partial, join(to, name));
  }
}

/** Puts the provider for CUDA 13 in place, unless it is there. */
async function installFromWheel(wheel: string | undefined): Promise<void> {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  if (version !== VERSION)
    throw new Error(
      `onnxruntime-node ${version} is installed, and the provider of ${WHEEL.requirement} fits ${VERSION} only; ` +
        '"npm ci" installs that.',
    );
  const folder = onnxruntimeFolder();
  if (wheel !== undefined) await placeLibraries(wheel, folder);
  else {
    const whole = LIBRARIES.map(([name, sha256]) => isWhole(join(folder, name), sha256));
    if ((await Promise.all(whole)).every(Boolean)) {
      console.log(`The CUDA provider of ${WHEEL.requirement} is in place in ${folder}`);
      return;
    }
    const unpacked = join(folder, 'wheel');
    console.log(`Downloading ${WHEEL.requirement}`);
    try {
      await rm(unpacked, { recursive: true, force: true });
      await unpackWheel(WHEEL, unpacked);
      await placeLibraries(unpacked, folder);
    } finally {
      await rm(unpacked, { recursive: true, force: true });
    }
  }
  console.log(`Put ${LIBRARIES.map(([name]) => name).join(' and ')} into ${folder}`);
}

/** Installs the provider for CUDA 12 by onnxruntime-node's own installer. */
async function installForCuda12(): Promise<void> {
  const target = packageFolder('onnxruntime-node', 'npm ci brings it.');
  console.log("Running onnxruntime-node's installer for CUDA 12");
  await run(process.execPath, [join(target, 'script/install.js')], {
    missing: 'node is not there',
    failed: "onnxruntime-node's installer failed (it needs NuGet's server)",
    // 'true' stands for all that this platform has, which is CUDA 12. The installer parses "cuda12" but
    // ignores it, and the "skip" of .npmrc would win over arguments.
    env: { ONNXRUNTIME_NODE_INSTALL: 'true' },
  });
  console.log(`Put ${CUDA_PROVIDER} for CUDA 12 into ${onnxruntimeFolder()}`);
}

await install(async () => {
  const { values } = parseArgs({
    options: {
      wheel: { type: 'string' },
      cuda: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  if (values.cuda !== undefined && (values.cuda !== '12' || values.wheel !== undefined))
    throw new Error(`--cuda takes 12 and no --wheel; without it the provider is for CUDA 13.\n\n${USAGE}`);
  if (values.cuda === '12') await installForCuda12();
  else await installFromWheel(values.wheel === undefined ? undefined : resolve(values.wheel));
  await buildDeviceBinding().then(
    () => {
      console.log("Compiled the binding that keeps training state in the GPU's memory");
    },
    (error: unknown) => {
      console.log(`State will cross the bus in every step: ${(error as Error).message}`);
    },
  );
  const missing = await missingLibraries(join(onnxruntimeFolder(), CUDA_PROVIDER));
  console.log(missing ? `It misses ${missing.list}: ${missing.remedy}` : 'It finds all its libraries.');
});
