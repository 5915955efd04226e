/**
 * Lowers a recording to the model that onnxruntime runs: stacks its copies, applies the passes over its
 * nodes, decides which results may overwrite the state, and encodes it. The engine opens a session of the
 * result (session.ts) and runs it (program.ts).
 */
import { encodeModel } from '../graph/encode-onnx.ts';
import { type Node, readBy, type Value } from '../graph/node.ts';
import { insertRecomputation } from '../graph/recompute.ts';
import type { Outputs } from '../graph/recorder.ts';
import { keptOutputs, type OwnSum, sumInOwnMemory, writtenInPlace } from '../graph/reuse-memory.ts';
import type { OnnxFrozen } from './frozen.ts';
import { packedParts } from '../types.ts';
import { isPackedPart, type Place, PREFIX } from './operands.ts';
import { type Recording, stackedOutputs } from './record-copies.ts';

/**
 * Outputs carry this prefix, since their names must differ from the inputs': state/w comes in, new/state/w
 * goes out.
 */
const NEW = 'new/';

/** A graph input that is fed. */
export interface Feed extends Place {
  readonly name: string;
}

/** A graph output that replaces state or is returned. */
export interface Result extends Place {
  readonly name: string;
  readonly value: Value;
  /** Whether it is written over the state that it replaces. */
  readonly inPlace: boolean;
}

export interface Lowered {
  readonly nodes: readonly Node[];
  readonly model: Uint8Array;
  /** The folder of the files that the model's weights are mapped from. */
  readonly folder: string | undefined;
  readonly feeds: readonly Feed[];
  readonly results: readonly Result[];
  /** Sums of rows that need zeros to be written onto. */
  readonly sums: readonly OwnSum[];
  /** Outputs that no caller reads; their buffers are kept between runs. */
  readonly kept: Outputs;
}

export interface LowerOptions {
  /** 'cpu', 'webgpu' or 'cuda' */
  readonly provider: string;
  /** Trades time for memory in training (recompute.ts). */
  readonly recompute: boolean;
  /** Whether the program has many short runs. */
  readonly often: boolean;
  /** Whether state and weights lie in the device's memory (device/, webgpu/), which sessions share. */
  readonly onDevice: boolean;
}

export function lower(recording: Recording, frozen: OnnxFrozen, options: LowerOptions): Lowered {
  const { copies, places } = recording;
  const { provider, often, onDevice } = options;
  const onCpu = provider === 'cpu';
  const outputs = stackedOutputs(recording);
  const { nodes, sums, kept } = applyPasses(recording, outputs, options);
  const renamed = outputs.map(({ name, value }) => ({ name: NEW + name, value }));
  // onnxruntime packs weights of the model for products with few rows. Other devices copy what they are fed in
  // every run, unless it lies there. Where weights are packed it maps their file.
  const read = weightsOf(frozen, nodes);
  const whole = !onDevice && (often || !onCpu || read.some(isPackedPart));
  const weights = frozen.initializers(whole ? read : read.filter(isPackedPart));
  const { model, feeds } = encodeModel({
    nodes,
    outputs: [...renamed, ...sums, ...kept],
    initializers: weights.parts,
    noTensor: isWrittenInto(
      options,
      outputs.some(({ name }) => places.get(name)!.kind === 'state'),
    ),
  });
  // Copies that nobody needs read the state of the first, so several copies write nowhere in place.
  const inPlace =
    onCpu && !onDevice && copies === 1 ? resultsInPlace(recording, nodes, renamed) : new Set<string>();
  return {
    nodes,
    model,
    folder: weights.folder,
    feeds: feeds.flatMap((name) => {
      const place = places.get(name);
      return place ? [{ ...place, name }] : [];
    }),
    results: renamed.map(({ name, value }) => {
      const place = places.get(name.slice(NEW.length))!;
      return { ...place, name, value, inPlace: inPlace.has(name) };
    }),
    sums,
    kept,
  };
}

/**
 * Whether results are to be written into the caller's tensors (run-into.js). On CUDA onnxruntime would have to
 * bring a sequence to the host, which was not tried; sessions that leave results in a device's memory copy none.
 */
function isWrittenInto({ provider, onDevice }: LowerOptions, hasState: boolean): boolean {
  if (provider === 'webgpu') return !hasState;
  return provider !== 'cuda' && !onDevice;
}

/** The nodes that the outputs need, after the passes that trade time and memory. */
function applyPasses(
  { graph, copies }: Recording,
  outputs: Outputs,
  { provider, recompute }: LowerOptions,
): Pick<Lowered, 'nodes' | 'sums' | 'kept'> {
  const values = outputs.map(({ value }) => value);
  const needed = graph.needed(values);
  const computed = recompute && copies === 1 ? insertRecomputation(graph, needed) : needed;
  if (provider !== 'cpu') return { nodes: computed, sums: [], kept: [] };
  const { nodes, sums } = sumInOwnMemory(computed, values);
  return { nodes, sums, kept: keptOutputs(graph, nodes, values) };
}

/** The frozen arrays that these nodes read, by their graph inputs. */
function weightsOf(frozen: OnnxFrozen, nodes: readonly Node[]): string[] {
  const read = new Set(nodes.flatMap((node) => readBy(node).map((value) => value.input)));
  return Object.keys(frozen.types)
    .flatMap((key) => (['frozen', 'half', ...packedParts] as const).map((kind) => PREFIX[kind] + key))
    .filter((name) => read.has(name));
}

/** The names of the results that may be written over the state that they replace. */
function resultsInPlace({ graph }: Recording, nodes: readonly Node[], results: Outputs): Set<string> {
  const inputs = new Map(graph.inputs.map((value) => [value.input, value]));
  const successors = results.flatMap(({ name, value }) => {
    const old = inputs.get(name.slice(NEW.length));
    return old ? [{ name, old, next: value }] : [];
  });
  return new Set(writtenInPlace(nodes, successors).map(({ name }) => name));
}
