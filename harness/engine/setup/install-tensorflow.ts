/**
 * Builds the native addon of tfjs-node-gpu against TensorFlow's Python wheel, which any package index has,
 * instead of the prebuilt libtensorflow that the package's own installer would download.
 */
import { mkdir, rename } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheFolder } from '../../support/cache-folder.ts';
import { exists, install, packageFolder, run, unpackWheel, type Wheel } from './python-wheel.ts';
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
const USAGE = `npm run setup:tensorflow [-- --wheel DIR]

Builds the tensorflow engine's native addon (g++, ten seconds) against ${WHEEL.requirement},
which python3's pip downloads (200 MB, 900 MB unpacked) into the cache folder.

  --wheel DIR  an unpacked TensorFlow 2 wheel or the site-packages folder where pip
               installed one; with a wheel for GPUs the engine uses them`;

/** The cache's unpacked wheel; downloads it the first time. */
async function cachedWheel(): Promise<string> {
  const folder = resolve(cacheFolder(), 'wheels', WHEEL.requirement.replace('==', '-'));
  if (await exists(folder)) return folder;
  console.log(`Downloading ${WHEEL.requirement} to ${folder}`);
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
  throw new Error(
    `${wheel} holds no TensorFlow 2 wheel: tensorflow/${LIBRARIES.join(', ')} and include/ are needed.`,
  );
}

/** Compiles the addon against the wheel in `wheel` into the package; returns the addon's path. */
async function buildAddon(wheel: string): Promise<string> {
  const target = packageFolder(
    TENSORFLOW_PACKAGE,
    'npm install brings it (an optional dependency, so a failed download goes unnoticed).',
  );
  const headers = join(
    packageFolder('node-api-headers', 'npm install brings it (without --omit=dev).'),
    'include',
  );
  const tensorflow = await tensorflowFolder(wheel);
  const addon = join(target, `lib/napi-v${NAPI}`, 'tfjs_binding.node');
  await mkdir(dirname(addon), { recursive: true });
  console.log(`Compiling ${addon}`);
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

await install(async () => {
  const { values } = parseArgs({
    options: { wheel: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  await buildAddon(values.wheel === undefined ? await cachedWheel() : resolve(values.wheel));
  // This process has loaded no library yet, so an addon that does not load here does not load at all.
  const { loadTensorflow } = await import('../tfjs/load-tensorflow.ts');
  console.log(`The tensorflow engine runs on ${await loadTensorflow()}.`);
});
