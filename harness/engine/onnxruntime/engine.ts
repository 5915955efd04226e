/**
 * The engine of onnxruntime: records programs as graphs, lowers them to models and runs these in sessions.
 * `createEngine` makes it; its stages are record-copies.ts, lower.ts, session.ts and program.ts.
 */
import type { Target } from '../graph/target.ts';
import {
  floatTypeOf,
  type Engine,
  type ManyProgram,
  type Precision,
  type Program,
  type ProgramFunction,
  type Signature,
} from '../types.ts';
import { DeviceMemory } from './device/device-memory.ts';
import { openOnDevice } from './device/device-session.ts';
import type { Native } from './device/native.ts';
import { type FeedMemory, OnnxFrozen } from './frozen.ts';
import { lower } from './lower.ts';
import { OnnxProgram } from './program.ts';
import { recordCopies } from './record-copies.ts';
import { SessionThread } from './session-thread.ts';
import {
  openSession,
  type PlacedTensor,
  type Session,
  sessionOptions,
  type SessionParts,
} from './session.ts';
import { hostMemory, OnnxState, type StateMemory } from './state.ts';
import { BufferMemory } from './webgpu/buffer-memory.ts';
import { openOnBuffers } from './webgpu/buffer-session.ts';

export interface OnnxOptions {
  /** 'cpu', 'webgpu', 'cuda' or 'cuda:1' */
  readonly device: string;
  readonly threads: number;
  readonly precision: Precision;
  /** Computes again what the backward pass reads, instead of keeping it from the forward pass. */
  readonly recompute: boolean;
  /** The binding that keeps state and frozen weights in the device's memory; absent, they lie on the host. */
  readonly native?: Native | undefined;
  /** Whether programs on the device are replayed as CUDA graphs where they can be. */
  readonly captures?: boolean;
}

/** Where an engine's sessions run. */
interface SessionPlace {
  open(parts: SessionParts): Promise<Session>;
  /** The device whose memory holds state and frozen weights. */
  readonly memory?: FeedMemory & StateMemory<PlacedTensor>;
  /**
   * Begins the names of buffers for random numbers; replicas that draw at the same time must not share them.
   */
  readonly drawPrefix: string;
}

const HERE: SessionPlace = { open: openSession, drawPrefix: '' };

/** An engine that records programs and runs them with onnxruntime. */
export function createOnnxEngine(options: OnnxOptions): Engine {
  const { device, threads, precision, native } = options;
  if (native) return createEngineIn(onDevice(native, options), options);
  if (device === 'webgpu') return createEngineIn(inBuffers(), options);
  const engine = createEngineIn(HERE, options);
  if (device !== 'cpu' || precision !== 'float32' || threads % 2 > 0) return engine;
  let replicas: NonNullable<Engine['replicas']> | undefined;
  return {
    ...engine,
    get replicas() {
      return (replicas ??= createReplicas({ ...options, threads: threads / 2 }));
    },
  };
}

/** Sessions that leave state and frozen weights in the device's memory. */
function onDevice(native: Native, { device, threads, captures = false }: OnnxOptions): SessionPlace {
  const [provider, index = '0'] = device.split(':');
  const options = {
    device: provider === 'cuda' ? ('cuda' as const) : ('cpu' as const),
    index: Number(index),
    threads,
    provider: [['device_id', index]] as const,
  };
  const memory = new DeviceMemory(native, options);
  const open = (parts: SessionParts): Promise<Session> =>
    new Promise((resolve) => {
      resolve(openOnDevice(memory, parts, captures));
    });
  return { memory, open, drawPrefix: '' };
}

/** Sessions that leave state and frozen weights in WebGPU's buffers. */
function inBuffers(): SessionPlace {
  const memory = new BufferMemory();
  return { memory, open: (parts) => openOnBuffers(memory, parts), drawPrefix: '' };
}

/** Two engines that compute at the same time, one in this thread and one in another. */
function createReplicas(options: OnnxOptions): NonNullable<Engine['replicas']> {
  const thread = new SessionThread();
  const aside = { open: (parts: SessionParts) => thread.open(parts), drawPrefix: 'aside/' };
  return [createEngineIn(HERE, options), createEngineIn(aside, options)];
}

function createEngineIn(
  { open, memory, drawPrefix }: SessionPlace,
  { device, threads, precision, recompute }: OnnxOptions,
): Engine {
  const [provider = 'cpu', index] = device.split(':');
  const products = { precision: floatTypeOf(precision), native: provider !== 'cpu' };
  const target: Pick<Target, 'products' | 'provider'> = { products, provider };

  async function compileMany(
    signature: Signature,
    program: ProgramFunction,
    copies: number,
  ): Promise<ManyProgram> {
    const { name, frozen, inputs, use } = signature;
    if (!(frozen instanceof OnnxFrozen))
      throw new TypeError(`program ${name}: its frozen arrays belong to another engine`);
    const often = use === 'often';
    const recording = recordCopies(signature, program, copies, target);
    const onDevice = memory !== undefined;
    const lowered = lower(recording, frozen, { provider, recompute, often, onDevice });
    const { nodes, model, folder, feeds, results, kept } = lowered;

    const frozenFeeds = feeds.filter(({ kind }) => kind === 'frozen');
    const session = await open({
      model,
      options: sessionOptions({ provider, index, threads, often, folder }, nodes),
      frozen: Object.fromEntries(frozenFeeds.map((feed) => [feed.name, frozen.feed(feed.name)])),
      owner: frozen,
      kept: kept.map((output) => output.name),
      state: results.flatMap(({ name: output, kind }) => (kind === 'state' ? [output] : [])),
    }).catch((error: unknown) => {
      const { message } = error as Error;
      throw new Error(`onnxruntime refuses the program ${name}: ${message}`, { cause: error });
    });

    const { randoms } = recording;
    const bound = new OnnxProgram({ name, device, inputs, frozen, randoms, drawPrefix }, lowered, session);
    return {
      nodes: nodes.length,
      run: (runs) => bound.run(runs),
      dispose: () => session.release(),
    };
  }

  async function compile(signature: Signature, program: ProgramFunction): Promise<Program> {
    const { nodes, run, dispose } = await compileMany(signature, program, 1);
    return {
      nodes,
      run: async (state, inputs, draw) => (await run([{ state, inputs, draw }]))[0]!,
      dispose,
    };
  }

  return {
    name: 'onnx',
    device,
    precision,
    freeze: (arrays) => new OnnxFrozen(arrays, products, memory),
    state: (arrays) => (memory ? new OnnxState(memory, arrays) : new OnnxState(hostMemory, arrays)),
    compile,
    compileMany,
    randomsOf: (signature, program) => recordCopies(signature, program, 1, target).randoms,
  };
}
