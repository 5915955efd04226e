/**
 * The memory of one device (binding.cc): tensors that lie there and that all sessions share, and copies between
 * them and the host. device-session.ts opens sessions on it.
 */
import { encodeModel } from '../../graph/encode-onnx.ts';
import { Graph } from '../../graph/graph.ts';
import { sizeOf } from '../../../support/numbers/arithmetic.ts';
import type { Shape } from '../../types.ts';
import type { StateMemory } from '../state.ts';
import { DeviceTensor } from './device-tensor.ts';
import type {
  ElementType,
  Native,
  NativeBinding,
  NativeOptions,
  NativeSession,
  NativeTensor,
} from './native.ts';

/** The settings that all sessions of a device share. */
export type DeviceOptions = Pick<NativeOptions, 'device' | 'index' | 'threads' | 'provider'>;

type HostArray = Float32Array | Int32Array | Uint16Array;

/** A session of one operation on tensors of one type. */
interface Small {
  readonly session: NativeSession;
  readonly binding: NativeBinding;
}

export class DeviceMemory implements StateMemory<DeviceTensor> {
  readonly native: Native;
  readonly options: DeviceOptions;
  /** Sessions that copy tensors, by type and shape. */
  readonly #copies = new Map<string, Small>();
  /** Sessions that write zeros, by shape. */
  readonly #zeros = new Map<string, Small>();

  constructor(native: Native, options: DeviceOptions) {
    this.native = native;
    this.options = options;
  }

  /** A tensor of undefined numbers in the device's memory. */
  allocate(type: ElementType, dims: Shape): DeviceTensor {
    const { session } = this.#copyOf(type, dims);
    return new DeviceTensor(type, dims, this.native.allocate(session, type, dims));
  }

  /** A tensor of these numbers. */
  place(data: HostArray, type: ElementType, dims: Shape): DeviceTensor {
    const tensor = this.allocate(type, dims);
    this.write(tensor, data);
    return tensor;
  }

  /** Frees the memory of a tensor, as soon as no session is bound to it. */
  release(tensor: DeviceTensor): void {
    tensor.isReleased = true;
    this.native.release(tensor.handle);
  }

  /** Copies an array of the tensor's length to the device. */
  write(to: DeviceTensor, data: HostArray): void {
    this.#onHost(data, to, (view) => {
      this.#copy(view, to.handle, to);
    });
  }

  /** Copies a float32 tensor to the host. */
  read(from: DeviceTensor): Float32Array {
    const data = new Float32Array(sizeOf(from.dims));
    this.readInto(from, data);
    return data;
  }

  /** Copies a tensor to an array of its length. */
  readInto(from: DeviceTensor, data: HostArray): void {
    this.#onHost(data, from, (view) => {
      this.#copy(from.handle, view, from);
    });
  }

  /** Fills a float32 tensor with zeros. */
  clear(tensor: DeviceTensor): void {
    const { binding } = this.#small(this.#zeros, tensor, (graph) =>
      graph.one('ConstantOfShape', [graph.integers(tensor.dims)], tensor.dims),
    );
    this.native.bindOutput(binding, 'to', tensor.handle);
    this.native.run(binding);
  }

  #copy(from: NativeTensor, to: NativeTensor, { type, dims }: DeviceTensor): void {
    const { binding } = this.#copyOf(type, dims);
    this.native.bindInput(binding, 'from', from);
    this.native.bindOutput(binding, 'to', to);
    this.native.run(binding);
  }

  #copyOf(type: ElementType, dims: Shape): Small {
    return this.#small(this.#copies, { type, dims }, (graph) =>
      graph.one('Identity', [graph.input('from', dims, type)], dims, type),
    );
  }

  /** The session of the operation that `write` appends, opened once for a type and a shape. */
  #small(
    known: Map<string, Small>,
    { type, dims }: { readonly type: ElementType; readonly dims: Shape },
    write: (graph: Graph) => ReturnType<Graph['one']>,
  ): Small {
    const key = `${type} ${dims.join(' ')}`;
    const found = known.get(key);
    if (found) return found;
    const graph = new Graph({ provider: this.options.device });
    const outputs = [{ name: 'to', value: write(graph) }];
    const { model } = encodeModel({ nodes: graph.nodes, outputs, initializers: new Map<string, never>() });
    const session = this.native.openSession(model, {
      ...this.options,
      threads: 1,
      arena: false,
      config: [],
    });
    const small = { session, binding: this.native.createBinding(session, []) };
    known.set(key, small);
    return small;
  }

  /** Calls `use` with a view of the array as a tensor like `like`, and releases the view. */
  #onHost(data: HostArray, { type, dims }: DeviceTensor, use: (view: NativeTensor) => void): void {
    const view = this.native.view(data, type, dims);
    try {
      use(view);
    } finally {
      this.native.release(view);
    }
  }
}
