/** A tensor in a device's memory. device-memory.ts makes it; programs pass it on as an operand. */
import type { Shape } from '../../types.ts';
import type { ElementType, NativeTensor } from './native.ts';

export class DeviceTensor {
  readonly type: ElementType;
  readonly dims: Shape;
  readonly handle: NativeTensor;
  /** Whether its owner has given it up; bindings to it are then released. */
  isReleased = false;

  constructor(type: ElementType, dims: Shape, handle: NativeTensor) {
    this.type = type;
    this.dims = dims;
    this.handle = handle;
  }
}
