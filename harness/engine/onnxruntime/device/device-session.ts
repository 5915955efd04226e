/**
 * Sessions on the tensors of a device (device-memory.ts): bound once and run often, and captured as CUDA graphs, which
 * need all operands at fixed places.
 */
import * as ort from 'onnxruntime-node';
import type { Operand, Session, SessionParts, Tensors } from '../session.ts';
import type { DeviceMemory } from './device-memory.ts';
import { DeviceTensor } from './device-tensor.ts';
import type {
  ElementType,
  Native,
  NativeBinding,
  NativeOptions,
  NativeSession,
  NativeTensor,
} from './native.ts';

/**
 * Opens a session whose runs take tensors of the device as they lie, and the host's by copies. With `captures`
 * it replays the kernels of its first runs as CUDA graphs, where it can. Throws what onnxruntime throws.
 */
export function openOnDevice(memory: DeviceMemory, parts: SessionParts, captures: boolean): Session {
  if (!captures) return open(memory, parts, []);
  try {
    return new CapturedSession(memory, open(memory, parts, [['enable_cuda_graph', '1']]));
  } catch {
    // A graph with loops, or with operations that CUDA lacks, cannot be captured.
    return open(memory, parts, []);
  }
}

function open(
  { native, options: common }: DeviceMemory,
  { model, options, frozen }: SessionParts,
  provider: NativeOptions['provider'],
): Session {
  const { enableCpuMemArena: arena = false } = options;
  // onnxruntime-node takes the entries nested, the C API by their whole names.
  const { session = {} } = (options.extra ?? {}) as { session?: Record<string, string> };
  const config = Object.entries(session).map(([key, value]) => [`session.${key}`, value] as const);
  const own = { ...common, provider: [...common.provider, ...provider], config, arena };
  return new DeviceSession(native, native.openSession(model, own), frozen);
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
  /** How many bindings there have been. */
  #bound = 0;

  constructor(native: Native, session: NativeSession, frozen: Tensors) {
    this.#native = native;
    this.#session = session;
    this.#frozen = frozen;
  }

  run(feeds: Tensors, fetches: Tensors): Promise<void> {
    return new Promise((resolve) => {
      this.#run(feeds, fetches);
      resolve();
    });
  }

  #run(feeds: Tensors, fetches: Tensors): void {
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
    // Where the session is captured, each binding has a graph of its own; others ignore the entry.
    const binding = this.#native.createBinding(this.#session, [['gpu_graph_id', String(++this.#bound)]]);
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

/** A session whose inputs and outputs are copied to and from fixed places on the device. */
class CapturedSession implements Session {
  readonly #memory: DeviceMemory;
  readonly #session: Session;
  readonly #places = new Map<string, DeviceTensor>();

  constructor(memory: DeviceMemory, session: Session) {
    this.#memory = memory;
    this.#session = session;
  }

  async run(feeds: Tensors, fetches: Tensors): Promise<void> {
    const [read, written] = [this.#placed(feeds), this.#placed(fetches)];
    for (const [name, operand] of Object.entries(feeds))
      if (operand instanceof ort.Tensor) this.#memory.write(read[name]!, operand.data as Float32Array);
    await this.#session.run(read, written);
    for (const [name, operand] of Object.entries(fetches))
      if (operand instanceof ort.Tensor) this.#memory.readInto(written[name]!, operand.data as Float32Array);
  }

  async release(): Promise<void> {
    await this.#session.release();
    for (const place of this.#places.values()) this.#memory.release(place);
  }

  /** The tensors, those of the host at their places on the device. */
  #placed(tensors: Tensors): Readonly<Record<string, DeviceTensor>> {
    return Object.fromEntries(
      Object.entries(tensors).map(([name, operand]) => [
        name,
        operand instanceof DeviceTensor ? operand : this.#placeOf(name, operand as ort.Tensor),
      ]),
    );
  }

  #placeOf(name: string, { type, dims }: ort.Tensor): DeviceTensor {
    const place = this.#places.get(name) ?? this.#memory.allocate(type as ElementType, dims);
    this.#places.set(name, place);
    return place;
  }
}

function isOnDevice(entry: [string, Operand]): entry is [string, DeviceTensor] {
  return entry[1] instanceof DeviceTensor;
}
