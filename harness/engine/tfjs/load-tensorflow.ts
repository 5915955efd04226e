/** Loads TensorFlow's native backend for tfjs, and explains why it does not load. */
import util from 'node:util';
import { benchCommand } from '../../support/project-root.ts';
import * as tf from './library.ts';

/** The package whose addon `bench setup tensorflow` builds. */
export const TENSORFLOW_PACKAGE = '@tensorflow/tfjs-node-gpu';

/**
 * Registers tfjs's TensorFlow backend from tfjs-node-gpu, else tfjs-node; returns its device, throws where
 * neither runs.
 */
export async function loadTensorflow(): Promise<'cpu' | 'gpu'> {
  // The library reads it once when it loads: it then prints warnings and errors, but no banner of processor
  // features.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  tf.enableProdMode();
  // tfjs-node still calls these two functions of Node, which Node 22 warns of and Node 23 removed.
  Object.assign(util, {
    isArray: Array.isArray,
    isNullOrUndefined: (x: unknown) => x === null || x === undefined,
  });
  const failures: string[] = [];
  for (const name of [TENSORFLOW_PACKAGE, '@tensorflow/tfjs-node']) {
    try {
      // The name is a variable, since npm leaves an optional package out where its download fails.
      await import(name);
      return deviceOf(tf.findBackend('tensorflow'));
    } catch (error) {
      failures.push(`${name}: ${reason(error as NodeJS.ErrnoException)}`);
    }
  }
  throw new Error(
    `the tensorflow engine does not run here (${failures.join('; ')}); ` +
      `${benchCommand} setup tensorflow builds it, --engine onnx needs nothing`,
  );
}

/** The device that the library chose. */
function deviceOf(backend: tf.KernelBackend | null): 'cpu' | 'gpu' {
  // A package with its own copy of tfjs registers its backend in that copy, where none of our programs runs.
  if (!backend) throw new Error('it brings its own copy of @tensorflow/tfjs; npm dedupe removes it');
  return (backend as tf.KernelBackend & { isUsingGpuDevice: boolean }).isUsingGpuDevice ? 'gpu' : 'cpu';
}

/** Why a package does not load, in a few words where the reason is known. */
function reason({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ERR_MODULE_NOT_FOUND') return 'not installed';
  if (message.includes('native addon module')) return 'its native addon is not built';
  return message.trim().split('\n')[0]!;
}
