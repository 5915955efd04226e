/** Explains errors of runs on devices that lack half precision or large buffers; program.ts uses it. */
import { DeviceLimitError } from '../types.ts';
import type { Node } from '../graph/node.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';

/**
 * onnxruntime's messages on WebGPU where a tensor fits no buffer, or only more buffers than a shader may
 * read.
 */
const TOO_LARGE = /\[Invalid Buffer|Too many storage buffers|Allocation size too large/;
/** Its message where the adapter has no half precision. */
const NO_HALF = 'requires f16 but the device does not support it';

/**
 * The error to throw for one that a run threw: a DeviceLimitError that names the largest tensor, or the same
 * error.
 */
export function explainLimit(
  error: unknown,
  program: string,
  device: string,
  nodes: readonly Node[],
): unknown {
  if (!(error instanceof Error)) return error;
  if (error.message.includes(NO_HALF))
    return new DeviceLimitError(`${device}'s adapter has no half precision; leave out --precision float16`, {
      cause: error,
    });
  if (!TOO_LARGE.test(error.message)) return error;
  const bytes = (shape: readonly number[]): number => 4 * sizeOf(shape);
  const all = nodes.flatMap(({ op, inputs, outputs }) => [
    ...inputs.flatMap(({ input, shape }) => (input === undefined ? [] : [{ name: input, shape }])),
    ...outputs.map(({ shape }) => ({ name: `the result of ${op}`, shape })),
  ]);
  const { name, shape } = all.reduce((most, one) => (bytes(one.shape) > bytes(most.shape) ? one : most));
  const size = `[${shape.join(', ')}], ${(bytes(shape) / 2 ** 30).toFixed(2)} GiB`;
  return new DeviceLimitError(
    `the program ${program} needs a larger buffer than ${device}'s adapter has; ` +
      `its largest tensor is ${name} ${size}. ` +
      'A smaller model or batch may fit, and --device cpu has no such limit',
    { cause: error },
  );
}
