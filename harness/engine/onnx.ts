import { mkdtempSync, openSync, closeSync, writeSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, basename, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { Tensor } from '@tensorflow/tfjs';
import { checkedInput, checkLength, checkReplacement, dtypeOf } from './checks.ts';
import type { Node } from './graph.ts';
import { explainLimit } from './limits.ts';
import { encodeModel, nodeName } from './onnx-model.ts';
import { recompute as computedAgain } from './recompute.ts';
import { recordGraph } from './recorder.ts';
import type {
  Draw,
  Engine,
  FileLocation,
  Held,
  HeldArray,
  NamedArrays,
  NumericArray,
  Program,
  ProgramFunction,
  Shape,
  Signature,
  State,
  TensorTypes,
} from './types.ts';

/** Weights above this many bytes are mapped from a file instead of being copied into the model. */
const EMBEDDED = 64 * 2 ** 20;

const typeOf = (shape: Shape, data: NumericArray): TensorTypes[string] => ({ shape, dtype: dtypeOf(data) });
const tensorOf = (data: NumericArray, shape: Shape): ort.Tensor => new ort.Tensor(dtypeOf(data), data, shape);

class OnnxHeld implements Held {
  readonly types: TensorTypes;
  readonly tensors: ReadonlyMap<string, ort.Tensor>;
  readonly #arrays: Readonly<Record<string, HeldArray>>;
  #spill: string | undefined;

  constructor(arrays: Readonly<Record<string, HeldArray>>) {
    const entries = Object.entries(arrays);
    this.#arrays = arrays;
    this.types = Object.fromEntries(entries.map(([name, { shape, data }]) => [name, typeOf(shape, data)]));
    this.tensors = new Map(entries.map(([name, { shape, data }]) => [name, tensorOf(data, shape)]));
  }

  /** The named tensors as parts of a model: their bytes, or places in files of one folder. */
  initializers(names: readonly string[]): {
    parts: Map<string, NumericArray | FileLocation>;
    folder?: string;
  } {
    const bytes = (of: readonly string[]): number =>
      of.reduce((sum, name) => sum + this.#arrays[name]!.data.byteLength, 0);
    const embedded = (of: readonly string[]): [string, NumericArray][] =>
      of.map((name) => [name, this.#arrays[name]!.data]);
    if (bytes(names) <= EMBEDDED) return { parts: new Map(embedded(names)) };
    const folderOf = (name: string): string | undefined => {
      const { location } = this.#arrays[name]!;
      return location && dirname(location.file);
    };
    // A session reads files of one folder: the checkpoint's. What a method adds beside it is small.
    const folder = names.map(folderOf).find((found) => found !== undefined);
    const outside = names.filter((name) => folderOf(name) !== folder);
    if (folder !== undefined && bytes(outside) <= EMBEDDED) {
      const mapped = names
        .filter((name) => folderOf(name) === folder)
        .map((name): [string, FileLocation] => {
          const { file, offset } = this.#arrays[name]!.location!;
          return [name, { file: basename(file), offset }];
        });
      return {
        parts: new Map<string, NumericArray | FileLocation>([...embedded(outside), ...mapped]),
        folder,
      };
    }
    const places = this.#spilled();
    return { parts: new Map(names.map((name) => [name, places.get(name)!])), folder: this.#spill! };
  }

  /** Converted weights (half precision, random bases) go to a file of their own, once. */
  #spilled(): Map<string, FileLocation> {
    if (!this.#spill) {
      this.#spill = mkdtempSync(join(tmpdir(), 'deltabench-'));
      const file = openSync(join(this.#spill, 'weights'), 'w');
      for (const { data } of Object.values(this.#arrays)) writeAll(file, data);
      closeSync(file);
      process.once('exit', () => {
        this.dispose();
      });
    }
    let offset = 0;
    return new Map(
      Object.entries(this.#arrays).map(([name, { data }]) => {
        const at = { file: 'weights', offset };
        offset += data.byteLength;
        return [name, at];
      }),
    );
  }

  dispose(): void {
    if (this.#spill) rmSync(this.#spill, { recursive: true, force: true });
    this.#spill = undefined;
  }
}

function writeAll(file: number, data: NumericArray): void {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let done = 0; done < bytes.length;)
    done += writeSync(file, bytes, done, Math.min(bytes.length - done, 2 ** 30));
}

class OnnxState implements State {
  readonly types: TensorTypes;
  readonly tensors = new Map<string, ort.Tensor>();

  constructor(arrays: Readonly<Record<string, { shape: Shape; data: Float32Array }>>) {
    this.types = Object.fromEntries(
      Object.entries(arrays).map(([name, { shape, data }]) => [name, typeOf(shape, data)]),
    );
    this.write(Object.fromEntries(Object.entries(arrays).map(([name, { data }]) => [name, data])));
  }

  read(): Promise<Record<string, Float32Array>> {
    const copies = [...this.tensors].map(([name, tensor]) => [
      name,
      Float32Array.from(tensor.data as Float32Array),
    ]);
    return Promise.resolve(Object.fromEntries(copies) as Record<string, Float32Array>);
  }

  write(arrays: Readonly<Record<string, Float32Array>>): void {
    for (const [name, data] of Object.entries(arrays)) {
      const type = this.types[name];
      if (!type) throw new RangeError(`the state has no tensor ${name}`);
      checkLength(name, data, type.shape);
      this.tensors.set(name, tensorOf(Float32Array.from(data), type.shape));
    }
  }

  dispose(): void {
    this.tensors.clear();
  }
}

/** Names of a program's operands in its graph: one namespace for each place they come from. */
const PREFIX = {
  held: 'held/',
  state: 'state/',
  input: 'input/',
  random: 'random/',
  output: 'output/',
} as const;

/** How onnxruntime is told what computes. */
function executionProvider(
  provider: string,
  index: string | undefined,
  nodes: readonly Node[],
): ort.InferenceSession.ExecutionProviderConfig {
  if (index !== undefined) return { name: 'cuda', deviceId: Number(index) };
  // A shader's sine and cosine may be wrong by 2⁻¹¹, too much for rotary embeddings.
  const coarse = nodes.filter(({ op }) => op === 'Sin' || op === 'Cos');
  if (provider === 'webgpu' && coarse.length > 0)
    return { name: 'webgpu', forceCpuNodeNames: coarse.map(nodeName) };
  return provider;
}

export interface OnnxOptions {
  /** 'cpu', 'webgpu', 'cuda' or 'cuda:1' */
  readonly device: string;
  readonly threads: number;
  /** Computes what the backward pass reads again instead of keeping it. */
  readonly recompute: boolean;
}

/** An engine that records programs and runs them with onnxruntime. */
export function createOnnxEngine({ device, threads, recompute }: OnnxOptions): Engine {
  const [provider = 'cpu', index] = device.split(':');
  const onCpu = provider === 'cpu';

  async function compile(signature: Signature, program: ProgramFunction): Promise<Program> {
    const { name, held, state, inputs, use } = signature;
    if (!(held instanceof OnnxHeld))
      throw new TypeError(`program ${name}: its held arrays belong to another engine`);
    const randoms = new Map<string, Shape>();
    const { graph, outputs } = recordGraph((input) => {
      const operands = (prefix: string, types: TensorTypes): Record<string, Tensor> =>
        Object.fromEntries(
          Object.entries(types).map(([key, { shape, dtype }]) => [key, input(prefix + key, shape, dtype)]),
        );
      const made = program({
        held: operands(PREFIX.held, held.types),
        state: operands(PREFIX.state, state),
        inputs: operands(PREFIX.input, inputs),
        random(key, shape) {
          if (randoms.has(key)) throw new Error(`program ${name} declares the random input ${key} twice`);
          randoms.set(key, shape);
          return input(PREFIX.random + key, shape, 'float32');
        },
      });
      for (const [key, tensor] of Object.entries(made.state ?? {}))
        checkReplacement(name, key, tensor, state[key]);
      const named = (prefix: string, tensors: Readonly<Record<string, Tensor>>): [string, Tensor][] =>
        Object.entries(tensors).map(([key, tensor]) => [prefix + key, tensor]);
      return Object.fromEntries([
        ...named(PREFIX.state, made.state ?? {}),
        ...named(PREFIX.output, made.outputs),
      ]);
    });

    const needed = graph.needed(outputs.map((o) => o.value));
    const nodes = recompute ? computedAgain(graph, needed) : needed;
    const used = new Set(nodes.flatMap((node) => node.inputs.map((v) => v.input)));
    // Weights are packed for products with few rows; on another device they have to lie inside the session at all.
    const inside = use === 'often' || !onCpu;
    const weights = Object.keys(held.types).filter((key) => used.has(PREFIX.held + key));
    const { parts, folder } = inside ? held.initializers(weights) : { parts: new Map<string, never>() };
    const initializers = new Map([...parts].map(([key, part]) => [PREFIX.held + key, part]));
    // The outputs' names must differ from the inputs': state comes in under its name and leaves as new/….
    const renamed = outputs.map((o) => ({ name: `new/${o.name}`, value: o.value }));
    const { model, feeds } = encodeModel({ nodes, outputs: renamed, initializers });

    let session: ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(model, {
        executionProviders: [executionProvider(provider, index, nodes)],
        graphOptimizationLevel: 'basic',
        // A block planned for everything at once takes half as much memory again and saves no time.
        enableMemPattern: false,
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        logSeverityLevel: 3,
        ...(folder !== undefined && {
          extra: { session: { model_external_initializers_file_folder_path: folder } },
        }),
      });
    } catch (error) {
      throw new Error(`onnxruntime refuses the program ${name}: ${(error as Error).message}`, {
        cause: error,
      });
    }

    const fixed = held.tensors;
    async function run(current: State, arrays: NamedArrays, draw?: Draw): Promise<NamedArrays> {
      if (!(current instanceof OnnxState))
        throw new TypeError(`program ${name}: its state belongs to another engine`);
      const operands: Record<string, ort.Tensor> = {};
      for (const feed of feeds) {
        const cut = feed.indexOf('/') + 1;
        const [prefix, key] = [feed.slice(0, cut), feed.slice(cut)];
        operands[feed] =
          prefix === PREFIX.held
            ? fixed.get(key)!
            : prefix === PREFIX.state
              ? current.tensors.get(key)!
              : prefix === PREFIX.random
                ? drawn(key, randoms.get(key)!, draw)
                : given(key, arrays);
      }
      const results = await session.run(operands).catch((error: unknown) => {
        throw explainLimit(error, name, device, nodes);
      });
      const out: NamedArrays = {};
      for (const [full, tensor] of Object.entries(results)) {
        const key = full.slice('new/'.length);
        if (key.startsWith(PREFIX.state)) current.tensors.set(key.slice(PREFIX.state.length), tensor);
        else out[key.slice(PREFIX.output.length)] = tensor.data as NumericArray;
      }
      return out;
    }
    function drawn(key: string, shape: Shape, draw: Draw | undefined): ort.Tensor {
      if (!draw) throw new Error(`program ${name} needs random numbers (${key}) and none are drawn`);
      return tensorOf(draw(key, shape), shape);
    }
    function given(key: string, arrays: NamedArrays): ort.Tensor {
      return tensorOf(checkedInput(name, key, arrays[key], inputs[key]!), inputs[key]!.shape);
    }
    return { nodes: nodes.length, run, dispose: () => session.release() };
  }

  return {
    name: 'onnx',
    device,
    hold: (arrays) => new OnnxHeld(arrays),
    state: (arrays) => new OnnxState(arrays),
    compile,
  };
}
