/** Checks of the arrays that callers hand to an engine; both engines use them. */
import type { NumericArray, Shape, TensorType } from './types.ts';
import { sizeOf } from '../support/numbers/arithmetic.ts';

/** The element type that an array holds. */
export const dtypeOf = (data: NumericArray): TensorType['dtype'] =>
  data instanceof Float32Array ? 'float32' : 'int32';

/** Throws RangeError where an array does not fill its shape. */
export function checkLength(name: string, data: NumericArray, shape: Shape): void {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`${name}: ${data.length} values for shape [${shape.join()}]`);
  }
}

/** The array of a program's input; throws RangeError where it is missing or does not fit the input's type. */
export function checkedInput(
  program: string,
  name: string,
  data: NumericArray | undefined,
  { shape, dtype }: TensorType,
): NumericArray {
  if (!data) throw new RangeError(`program ${program} lacks its input ${name}`);
  if (dtypeOf(data) !== dtype) {
    throw new RangeError(`program ${program}: ${name} is ${dtypeOf(data)}, not ${dtype}`);
  }
  checkLength(name, data, shape);
  return data;
}

/** `found`, a state's tensor of this name; throws RangeError where it is undefined. */
export function named<T>(name: string, found: T | undefined): T {
  if (found === undefined) throw new RangeError(`the state has no tensor ${name}`);
  return found;
}

/** Throws RangeError where a tensor that a program returns cannot replace the state's tensor of its name. */
export function checkReplacement(
  program: string,
  name: string,
  { shape, dtype }: { readonly shape: Shape; readonly dtype: string },
  type: TensorType | undefined,
): void {
  if (!type) throw new RangeError(`program ${program} returns state ${name}, which it was not given`);
  if (shape.join() !== type.shape.join() || dtype !== type.dtype) {
    throw new RangeError(
      `program ${program} returns ${dtype} [${shape.join()}] for state ${name}, ` +
        `which is ${type.dtype} [${type.shape.join()}]`,
    );
  }
}
