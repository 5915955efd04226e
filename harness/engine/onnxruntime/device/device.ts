/**
 * Memory and sessions of one device (binding.cc): tensors that lie there and that all sessions share, copies
 * between them and the host, and sessions that read and write them in place.
 */
import * as ort from 'onnxruntime-node';
import { encodeModel } from '../../graph/encode-onnx.ts';
import { Graph } from '../../graph/graph.ts';
import { sizeOf } from '../../../support/arithmetic.ts';
import type { Shape } from '../../types.ts';
import type { Operand, Session, SessionParts, Tensors } from '../session.ts';
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

/** What all sessions of a device have in common. */
export type DeviceOptions = Pick<NativeOptions, 'device' | 'index' | 'threads' | 'provider'>;

/** A session of one operation on tensors of one type. */
interface Small {
  readonly session: NativeSession;
  readonly binding: NativeBinding;
}

export class Device implements StateMemory<DeviceTensor> {
  readonly #native: Native;
  readonly #options: DeviceOptions;
  /** Sessions that copy tensors, by type and shape. */
  readonly #copies = new Map<string, Small>();
  /** Sessions that write zeros, by shape. */
  readonly #zeros = new Map<string, Small>();

  constructor(native: Native, options: DeviceOptions) {
    this.#native = native;
    this.#options = options;
  }

  /** A tensor of undefined numbers in the device's memory. */
  allocate(type: ElementType, dims: Shape): DeviceTensor {
    const { session } = this.#copyOf(type, dims);
    return new DeviceTensor(type, dims, this.#native.allocate(session, type, dims));
  }

  /** Frees the memory of a tensor, as soon as no session is bound to it. */
  release(tensor: DeviceTensor): void {
    tensor.isReleased = true;
    this.#native.release(tensor.handle);
  }

  /** Copies an array of the tensor's length to the device. */
  write(to: DeviceTensor, data: Float32Array | Int32Array | Uint16Array): void {
    this.#onHost(data, to, (view) => {
      this.#copy(view, to.handle, to);
    });
  }

  /** Copies a float32 tensor to the host. */
  read(from: DeviceTensor): Float32Array {
    const data = new Float32Array(sizeOf(from.dims));
    this.#onHost(data, from, (view) => {
      this.#copy(from.handle, view, from);
    });
    return data;
  }

  /** Fills a float32 tensor with zeros. */
  clear(tensor: DeviceTensor): void {
    const { binding } = this.#small(this.#zeros, tensor, (graph) =>
      graph.one('ConstantOfShape', [graph.integers(tensor.dims)], tensor.dims),
    );
    this.#native.bindOutput(binding, 'to', tensor.handle);
    this.#native.run(binding);
  }

  /** Opens a session whose runs take tensors of this device as they lie, and the host's by copies. */
  open({ model, options, frozen }: SessionParts): Session {
    const { enableCpuMemArena: arena = false } = options;
    const session = this.#native.openSession(model, { ...this.#options, arena });
    return new DeviceSession(this.#native, session, frozen);
  }

  #copy(from: NativeTensor, to: NativeTensor, { type, dims }: DeviceTensor): void {
    const { binding } = this.#copyOf(type, dims);
    this.#native.bindInput(binding, 'from', from);
    this.#native.bindOutput(binding, 'to', to);
    this.#native.run(binding);
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
    const graph = new Graph({ provider: this.#options.device });
    const outputs = [{ name: 'to', value: write(graph) }];
    const { model } = encodeModel({ nodes: graph.nodes, outputs, initializers: new Map<string, never>() });
    const session = this.#native.openSession(model, {
      ...this.#options,
      threads: 1,
      arena: false,
    });
    const small = { session, binding: this.#native.createBinding(session) };
    known.set(key, small);
    return small;
  }

  /** Calls `use` with a view of the array as a tensor like `like`, and releases the view. */
  #onHost(
    data: Float32Array | Int32Array | Uint16Array,
    { type, dims }: DeviceTensor,
    use: (view: NativeTensor) => void,
  ): void {
    const view = this.#native.view(data, type, dims);
    try {
      use(view);
    } finally {
      this.#native.release(view);
    }
  }
}

/** Tensors of the device as they are bound, by their names in the graph. */
interface Bound {
  readonly binding: NativeBinding;
  readonly tensors: ReadonlyMap<string, DeviceTensor>;
}

/**
 * The most bindings of a session. A state's tensors take turns (state.ts), so that a program that replaces
 * all of them needs two, and one that replaces some of them a few.
 */
const BINDINGS = 8;

/** A session that binds the device's tensors once and runs often. */
class DeviceSession implements Session {
  readonly #native: Native;
  readonly #session: NativeSession;
  readonly #frozen: Tensors;
  /** Those used last stand at the end. */
  readonly #bindings: Bound[] = [];

  constructor(native: Native, session: NativeSession, frozen: Tensors) {
    this.#native = native;
    this.#session = session;
    this.#frozen = frozen;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- errors have to reject, as other sessions' do
  async run(feeds: Tensors, fetches: Tensors): Promise<void> {
    const { binding } = this.#boundTo(feeds, fetches);
    const views: NativeTensor[] = [];
    try {
      for (const [name, operand] of Object.entries(feeds))
        if (operand instanceof ort.Tensor) this.#native.bindInput(binding, name, this.#view(operand, views));
      for (const [name, operand] of Object.entries(fetches))
        if (operand instanceof ort.Tensor) this.#native.bindOutput(binding, name, this.#view(operand, views));
      this.#native.run(binding);
    } finally {
      for (const view of views) this.#native.release(view);
    }
  }

  release(): Promise<void> {
    for (const { binding } of this.#bindings.splice(0)) this.#native.release(binding);
    this.#native.release(this.#session);
    return Promise.resolve();
  }

  /** The binding of these tensors of the device. */
  #boundTo(feeds: Tensors, fetches: Tensors): Bound {
    const onDevice = [...Object.entries(feeds), ...Object.entries(fetches)].filter(isOnDevice);
    const place = this.#bindings.findIndex(({ tensors }) =>
      onDevice.every(([name, tensor]) => tensors.get(name) === tensor),
    );
    const [found] = place < 0 ? [] : this.#bindings.splice(place, 1);
    if (!found) this.#forget();
    const bound = found ?? { binding: this.#bind(feeds, fetches), tensors: new Map(onDevice) };
    this.#bindings.push(bound);
    return bound;
  }

  /** Releases bindings that hold memory of released tensors, and the oldest where there are many. */
  #forget(): void {
    const isStale = ({ tensors }: Bound): boolean =>
      [...tensors.values()].some(({ isReleased }) => isReleased);
    const kept = this.#bindings.filter((bound) => !isStale(bound)).slice(1 - BINDINGS);
    for (const bound of this.#bindings) if (!kept.includes(bound)) this.#native.release(bound.binding);
    this.#bindings.splice(0, Infinity, ...kept);
  }

  #bind(feeds: Tensors, fetches: Tensors): NativeBinding {
    const binding = this.#native.createBinding(this.#session);
    for (const [name, { handle }] of Object.entries({ ...this.#frozen, ...feeds }).filter(isOnDevice))
      this.#native.bindInput(binding, name, handle);
    for (const [name, { handle }] of Object.entries(fetches).filter(isOnDevice))
      this.#native.bindOutput(binding, name, handle);
    return binding;
  }

  /** A view of a tensor on the host, put on the list of those to release. */
  #view({ data, type, dims }: ort.Tensor, views: NativeTensor[]): NativeTensor {
    const view = this.#native.view(data as Float32Array, type as ElementType, dims);
    views.push(view);
    return view;
  }
}

function isOnDevice(entry: [string, Operand]): entry is [string, DeviceTensor] {
  return entry[1] instanceof DeviceTensor;
}
