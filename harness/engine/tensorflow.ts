/** Registers tfjs's TensorFlow backend, from tfjs-node-gpu or else tfjs-node; returns its device. Throws where neither runs. */
export async function loadTensorflow(): Promise<string> {
  const failures: string[] = [];
  for (const name of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    try {
      // By a variable, since npm leaves the package out where its download is refused.
      await import(name);
      return name.endsWith('-gpu') ? 'gpu' : 'cpu';
    } catch (error) {
      failures.push(`${name}: ${(error as Error).message.trim().split('\n')[0]!}`);
    }
  }
  throw new Error(
    `the tensorflow engine does not run here (${failures.join('; ')}); npm run setup:tensorflow builds it, --engine onnx needs nothing`,
  );
}
