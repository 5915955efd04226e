import { DeviceLimitError } from '../types.ts';
import type { Node } from '../graph/node.ts';
import { sizeOf } from '../../support/arithmetic.ts';

/** How onnxruntime says on WebGPU that a tensor did not fit a buffer, or only in more parts than a shader may read. */
const TOO_LARGE = /\[Invalid Buffer|Too many storage buffers|Allocation size too large/;
/** How it says that the adapter computes nothing in half precision. */
const NO_HALF = 'requires f16 but the device does not support it';

/** What a run threw, put clearly where the device lacks half precision or buffers of a tensor's size: which one is the largest. */
export function explainLimit(
  error: unknown,
  program: string,
  device: string,
  nodes: readonly Node[],
): unknown {
  if (!(error instanceof Error)) return error;
  if (error.message.includes(NO_HALF))
    return new DeviceLimitError(`${device}'s adapter has no half precision; leave out --precision float16`, { cause: error }); // prettier-ignore
  if (!TOO_LARGE.test(error.message)) return error;
  const bytes = (shape: readonly number[]): number => 4 * sizeOf(shape);
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
