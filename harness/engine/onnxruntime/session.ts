/**
 * Opens sessions of onnxruntime for lowered programs; engine.ts uses it, and session-thread.ts implements it
 * elsewhere.
 */
import * as ort from 'onnxruntime-node';
import { nodeName } from '../graph/encode-onnx.ts';
import { type Node, readBy } from '../graph/node.ts';
import type { DeviceTensor } from './device/device-tensor.ts';
import type { BufferTensor } from './webgpu/buffer-tensor.ts';
import { isPackedPart } from './operands.ts';
import { runInto } from './run-into.js';

/** What a graph input is fed and a result is written into: a tensor on the host, or one in a device's memory. */
export type Operand = ort.Tensor | PlacedTensor;
/** A tensor in a device's memory. */
export type PlacedTensor = DeviceTensor | BufferTensor;
export type Tensors = Readonly<Record<string, Operand>>;
/** The tensors of sessions of onnxruntime-node, which lie on the host. */
export type HostTensors = Readonly<Record<string, ort.Tensor>>;

/** The model and the settings that a session is created from. */
export interface SessionParts {
  readonly model: Uint8Array;
  readonly options: ort.InferenceSession.SessionOptions;
  /** Feeds that are the same in every run. */
  readonly frozen: Tensors;
  /** The object that the frozen feeds belong to; sessions of one owner share them. */
  readonly owner: object;
  /** Outputs that no caller reads; their buffers are kept between runs. */
  readonly kept: readonly string[];
  /** Outputs that replace state. */
  readonly state: readonly string[];
}

/** A model that onnxruntime has loaded. */
export interface Session {
  /** Runs the model on the frozen feeds and these; every result is written into its tensor of `fetches`. */
  run(feeds: Tensors, fetches: Tensors): Promise<void>;
  release(): Promise<void>;
}

/** Opens a session that runs in this thread; throws what onnxruntime throws. */
export async function openSession({ model, options, frozen }: SessionParts): Promise<Session> {
  const session = await ort.InferenceSession.create(model, options);
  return {
    run: (feeds, fetches) => runInto(session, onHost({ ...frozen, ...feeds }), onHost(fetches)),
    release: () => session.release(),
  };
}

/** The tensors as onnxruntime-node's; only sessions of a device's memory are given others. */
export const onHost = (tensors: Tensors): HostTensors => tensors as HostTensors;

/** Device and kind of a session. */
export interface SessionChoices {
  /** 'cpu', 'webgpu' or 'cuda' */
  readonly provider: string;
  /** The number of the GPU, where one is chosen. */
  readonly index: string | undefined;
  readonly threads: number;
  /** Whether the session has many short runs. */
  readonly often: boolean;
  /** The folder of the files that the model's weights are mapped from. */
  readonly folder: string | undefined;
}

/** The options of a session that runs these nodes. */
export function sessionOptions(
  { provider, index, threads, often, folder }: SessionChoices,
  nodes: readonly Node[],
): ort.InferenceSession.SessionOptions {
  const readsPacked = nodes.some((node) => readBy(node).some(({ input = '' }) => isPackedPart(input)));
  // Otherwise every session of a packed base would hold a copy of its float32 head.
  const prepacking = readsPacked ? { disable_prepacking: '1' } : {};
  const extra = { session: { model_external_initializers_file_folder_path: folder, ...prepacking } };
  return {
    executionProviders: [executionProvider(provider, index, nodes)],
    graphOptimizationLevel: 'basic',
    // A session's own arena keeps what its largest run took, which pays where runs are short. Sessions of many
    // shapes would each keep a step's memory. A block planned for all of a run at once (memory pattern) takes
    // half as much again and saves no time.
    enableCpuMemArena: often,
    enableMemPattern: false,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    // Errors only: they are thrown as well.
    logSeverityLevel: 4,
    ...(folder !== undefined && { extra }),
  };
}

function executionProvider(
  provider: string,
  index: string | undefined,
  nodes: readonly Node[],
): ort.InferenceSession.ExecutionProviderConfig {
  if (index !== undefined) return { name: 'cuda', deviceId: Number(index) };
  // A shader's sine and cosine may be wrong by 2⁻¹¹, too much for rotary embeddings: the CPU computes them.
  const coarse = nodes.filter(({ op }) => op === 'Sin' || op === 'Cos');
  if (provider === 'webgpu' && coarse.length > 0)
    return { name: 'webgpu', forceCpuNodeNames: coarse.map(nodeName) };
  return provider;
}
