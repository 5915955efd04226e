import type { Node } from './graph.ts';

/** A program needs a larger buffer than its device has; no seed changes that. */
export class DeviceLimitError extends Error {
  override name = 'DeviceLimitError';
}

/** How onnxruntime says on WebGPU that a tensor did not fit a buffer, or only in more parts than a shader may read. */
const TOO_LARGE = /\[Invalid Buffer|Too many storage buffers|Allocation size too large/;

/** What a run threw, put clearly where the cause is a tensor larger than the device's buffers: which one is the largest. */
export function explainLimit(
  error: unknown,
  program: string,
  device: string,
  nodes: readonly Node[],
): unknown {
  if (!(error instanceof Error) || !TOO_LARGE.test(error.message)) return error;
  const bytes = (shape: readonly number[]): number => 4 * shape.reduce((product, n) => product * n, 1);
  const all = nodes.flatMap(({ op, inputs, outputs }) => [
    ...inputs.flatMap(({ input, shape }) => (input === undefined ? [] : [{ name: input, shape }])),
    ...outputs.map(({ shape }) => ({ name: `the result of ${op}`, shape })),
  ]);
  const { name, shape } = all.reduce((most, one) => (bytes(one.shape) > bytes(most.shape) ? one : most));
  return new DeviceLimitError(
    `the program ${program} needs a larger buffer than ${device}'s adapter has; its largest tensor is ${name} [${shape.join(', ')}], ${(bytes(shape) / 2 ** 30).toFixed(2)} GiB. A smaller model or batch may fit, and --device cpu has no such limit`,
    { cause: error },
  );
}
