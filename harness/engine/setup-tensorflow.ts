import { createRequire } from 'node:module';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { execa, ExecaError } from 'execa';
// eslint-disable-next-line @typescript-eslint/no-restricted-imports -- an installer, no part of the engine
import { cacheFolder } from '../data/cache.ts';
import { TENSORFLOW_PACKAGE } from './tensorflow.ts';

// Builds the native addon of tfjs-node-gpu against TensorFlow's Python wheel, which any package index has, instead of
// the prebuilt libtensorflow that the package's own installer wants to download.

const WHEEL = 'tensorflow-cpu==2.15.1';
const LIBRARIES = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
/** The addon's interface to Node: the newest that the package declares, and the folder where it looks. */
const NAPI = 8;
const USAGE = `npm run setup:tensorflow [-- --wheel DIR]

Builds the tensorflow engine's native addon (g++, ten seconds) against ${WHEEL},
which python3's pip downloads (200 MB, 900 MB unpacked) into the cache folder.

  --wheel DIR  an unpacked TensorFlow 2 wheel or the site-packages folder where pip
               installed one; with a wheel for GPUs the engine uses them`;

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Runs a command; throws with the last lines that it wrote, or with `missing` where it is not installed. */
async function run(command: string, args: readonly string[], missing: string): Promise<void> {
  try {
    await execa(command, args, { stdin: 'ignore', all: true });
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    if (error.code === 'ENOENT') throw new Error(missing, { cause: error });
    const wrote = String(error.all).trim().split('\n').slice(-15).join('\n');
    throw new Error(`${command} failed:\n${wrote || error.shortMessage}`, { cause: error });
  }
}

/** The folder of an installed package of this project; throws with the remedy where npm left it out. */
function packageFolder(name: string, remedy: string): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch (error) {
    throw new Error(`The package ${name} is not installed; ${remedy}`, { cause: error });
  }
}

/** The cache's unpacked wheel; downloads it the first time. */
async function cachedWheel(): Promise<string> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(`There is no ${WHEEL} for ${process.platform} on ${process.arch}; give --wheel DIR.`);
  }
  const folder = resolve(cacheFolder(), 'wheels', WHEEL.replace('==', '-'));
  if (await exists(folder)) return folder;
  console.log(`Downloading ${WHEEL} to ${folder}`);
  // Under another name until it is whole.
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  // prettier-ignore
  const pip = [
    '-m', 'pip', 'install', '--target', partial, '--no-deps', '--no-compile', '--quiet', '--disable-pip-version-check',
    // This Python only unpacks, so any will do; the wheel has none for versions after 3.11.
    '--only-binary=:all:', '--implementation=cp', '--python-version=3.11', '--platform=manylinux2014_x86_64',
    WHEEL,
  ];
  await run(
    'python3',
    pip,
    'python3 with pip is needed to download TensorFlow; install it, or give --wheel DIR.',
  );
  await rename(partial, folder);
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
  // prettier-ignore
  const gcc = [
    '-shared', '-fPIC', '-O2', '-std=c++17', '-o', `${addon}.partial`,
    `-DNAPI_VERSION=${NAPI}`, '-DNODE_GYP_MODULE_NAME=tfjs_binding', '-DBUILDING_NODE_EXTENSION',
    '-I', headers, '-I', join(tensorflow, 'include'),
    join(target, 'binding/tfjs_backend.cc'), join(target, 'binding/tfjs_binding.cc'),
    `-L${tensorflow}`, ...LIBRARIES.map((name) => `-l:${name}`), `-Wl,-rpath,${tensorflow}`,
  ];
  await run('g++', gcc, 'g++ is needed to compile the addon; install it (Debian: apt-get install g++).');
  await rename(`${addon}.partial`, addon);
  return addon;
}

try {
  const { values } = parseArgs({
    options: { wheel: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help) console.log(USAGE);
  else {
    await buildAddon(values.wheel === undefined ? await cachedWheel() : resolve(values.wheel));
    // In this process, which loads no library before: what does not load here does not load at all.
    const { loadTensorflow } = await import('./tensorflow.ts');
    console.log(`The tensorflow engine runs on ${await loadTensorflow()}.`);
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
