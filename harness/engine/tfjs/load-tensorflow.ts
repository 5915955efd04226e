import util from 'node:util';
import * as tf from './library.ts';

/** The package whose addon `npm run setup:tensorflow` builds. */
export const TENSORFLOW_PACKAGE = '@tensorflow/tfjs-node-gpu';

/** Registers tfjs's TensorFlow backend, from tfjs-node-gpu or else tfjs-node; returns its device. Throws where neither runs. */
export async function loadTensorflow(): Promise<'cpu' | 'gpu'> {
  // Read once, when the library loads: warnings and errors only, no banner of processor features.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  tf.enableProdMode();
  // tfjs-node still calls these two of Node's, which warns of them in version 22 and has them no more from 23 on.
  Object.assign(util, {
    isArray: Array.isArray,
    isNullOrUndefined: (x: unknown) => x === null || x === undefined,
  });
  const failures: string[] = [];
  for (const name of [TENSORFLOW_PACKAGE, '@tensorflow/tfjs-node']) {
    try {
      // By a variable, since npm leaves the package out where its download is refused.
      await import(name);
      return deviceOf(tf.findBackend('tensorflow'));
    } catch (error) {
      failures.push(`${name}: ${reason(error as NodeJS.ErrnoException)}`);
    }
  }
  throw new Error(
    `the tensorflow engine does not run here (${failures.join('; ')}); npm run setup:tensorflow builds it, --engine onnx needs nothing`,
  );
}

/** What the library found to run on. */
function deviceOf(backend: tf.KernelBackend | null): 'cpu' | 'gpu' {
  // A package with a copy of tfjs to itself registers its backend there, where no program of ours runs.
  if (!backend) throw new Error('it brings its own copy of @tensorflow/tfjs; npm dedupe removes it');
  return (backend as tf.KernelBackend & { isUsingGpuDevice: boolean }).isUsingGpuDevice ? 'gpu' : 'cpu';
}

/** Why a package does not load, in a few words where the reason is known. */
function reason({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ERR_MODULE_NOT_FOUND') return 'not installed';
  if (message.includes('native addon module')) return 'its native addon is not built';
  return message.trim().split('\n')[0]!;
}
