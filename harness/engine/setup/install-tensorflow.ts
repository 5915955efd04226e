/**
 * `bench setup tensorflow`: builds the native addon of tfjs-node-gpu against TensorFlow's Python wheel, which
 * any package index has, instead of the prebuilt libtensorflow that the package's own installer would download.
 */
import { mkdir, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../../support/errors.ts';
import { cacheFolder } from '../../support/cache-folder.ts';
import { exists, packageFolder, run, type Say, unpackWheel, type Wheel } from './python-wheel.ts';
import { TENSORFLOW_PACKAGE } from '../tfjs/load-tensorflow.ts';

/** TensorFlow 2.15 has no wheel for Python after 3.11. */
const WHEEL: Wheel = {
  requirement: 'tensorflow-cpu==2.15.1',
  python: '3.11',
  platform: 'manylinux2014_x86_64',
};
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
/**
 * The version of Node-API: the newest that the package declares, and the folder in which it looks for the
 * addon.
 */
const NAPI = 8;

/** The cache's unpacked wheel; downloads it the first time. */
async function cachedWheel(say: Say): Promise<string> {
  const folder = resolve(cacheFolder(), 'wheels', WHEEL.requirement.replace('==', '-'));
  if (await exists(folder)) return folder;
  say(`Downloading ${WHEEL.requirement} to ${folder}`);
  await unpackWheel(WHEEL, folder);
  return folder;
}

/** The folder that holds the wheel's libraries and headers; throws where it does not. */
async function tensorflowFolder(wheel: string): Promise<string> {
  for (const folder of [join(wheel, 'tensorflow'), wheel]) {
    const parts = [...LIBRARIES, 'include/tensorflow/c/eager/c_api.h'].map((part) =>
      exists(join(folder, part)),
    );
    if ((await Promise.all(parts)).every(Boolean)) return folder;
  }
  throw new UsageError(
    `${wheel} holds no TensorFlow 2 wheel: tensorflow/${LIBRARIES.join(', ')} and include/ are needed.`,
  );
}

/** Compiles the addon against the wheel in `wheel` into the package; returns the addon's path. */
async function buildAddon(wheel: string, say: Say): Promise<string> {
  const target = packageFolder(
    TENSORFLOW_PACKAGE,
    'npm install brings it (an optional dependency, so a failed download goes unnoticed).',
  );
  const headers = join(
    packageFolder('node-api-headers', 'npm install brings it (an optional dependency).'),
    'include',
  );
  const tensorflow = await tensorflowFolder(wheel);
  const addon = join(target, `lib/napi-v${NAPI}`, 'tfjs_binding.node');
  await mkdir(dirname(addon), { recursive: true });
  say(`Compiling ${addon}`);
  const output = ['-shared', '-fPIC', '-O2', '-std=c++17', '-o', `${addon}.partial`];
  const defined = [`NAPI_VERSION=${NAPI}`, 'NODE_GYP_MODULE_NAME=tfjs_binding', 'BUILDING_NODE_EXTENSION'];
  const included = [headers, join(tensorflow, 'include')];
  const sources = ['binding/tfjs_backend.cc', 'binding/tfjs_binding.cc'].map((file) => join(target, file));
  const linked = [`-L${tensorflow}`, ...LIBRARIES.map((name) => `-l:${name}`), `-Wl,-rpath,${tensorflow}`];
  const options = [
    ...output,
    ...defined.map((name) => `-D${name}`),
    ...included.flatMap((folder) => ['-I', folder]),
    ...sources,
    ...linked,
  ];
  await run('g++', options, {
    missing: 'g++ is needed to compile the addon; install it (Debian: apt-get install g++).',
  });
  await rename(`${addon}.partial`, addon);
  return addon;
}

/**
 * Builds the addon against the unpacked wheel in the folder `wheel`, or against one that it downloads into the
 * cache. Throws UsageError where that cannot be done.
 */
export async function installTensorflow({ wheel }: { readonly wheel?: string }, say: Say): Promise<void> {
  await buildAddon(wheel === undefined ? await cachedWheel(say) : resolve(wheel), say);
  // This process has loaded no library yet, so an addon that does not load here does not load at all.
  const { loadTensorflow } = await import('../tfjs/load-tensorflow.ts');
  say(`The tensorflow engine runs on ${await loadTensorflow()}.`);
}
