import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, basename, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { Tensor } from '@tensorflow/tfjs';
import { narrowToBfloats, narrowToHalves, widenBfloats, widenHalves } from '../data/float16.ts';
import { checkedInput, checkLength, checkReplacement, dtypeOf } from './checks.ts';
import type { Products } from './graph.ts';
import { encodeModel } from './onnx-model.ts';
import { recordGraph } from './recorder.ts';
import type {
  Draw,
  Engine,
  FileLocation,
  Held,
  HeldArray,
  NamedArrays,
  NumericArray,
  Precision,
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

/** Bytes for a model, or the numbers of a feed. */
type HeldData = NumericArray | Uint16Array;

class OnnxHeld implements Held {
  readonly types: TensorTypes;
  readonly #arrays: Readonly<Record<string, HeldArray>>;
  readonly #products: Products;
  readonly #halves = new Map<string, HeldData>();
  readonly #feeds = new Map<string, ort.Tensor>();
  readonly #places = new Map<string, FileLocation>();
  #spill: string | undefined;

  constructor(arrays: Readonly<Record<string, HeldArray>>, products: Products) {
    this.#arrays = arrays;
    this.#products = products;
    this.types = Object.fromEntries(
      Object.entries(arrays).map(([name, { shape, data }]) => [name, typeOf(shape, data)]),
    );
  }

  /** What a program's input is fed. */
  feed(input: string): ort.Tensor {
    const { shape, data } = this.#part(input);
    // Bits travel inside the model only: the binding takes no bfloat16.
    const tensor = this.#feeds.get(input) ?? tensorOf(data as NumericArray, shape);
    this.#feeds.set(input, tensor);
    return tensor;
  }

  #part(input: string): Omit<HeldArray, 'data'> & { readonly data: HeldData } {
    if (!input.startsWith(PREFIX.half)) return this.#arrays[input.slice(PREFIX.held.length)]!;
    const { shape, data } = this.#arrays[input.slice(PREFIX.half.length)]!;
    const half = this.#halves.get(input) ?? toHalf(data as Float32Array, this.#products);
    this.#halves.set(input, half);
    return { shape, data: half };
  }

  /** The tensors of these inputs as parts of a model: their bytes, or places in files of one folder. */
  initializers(inputs: readonly string[]): {
    parts: Map<string, HeldData | FileLocation>;
    folder?: string;
  } {
    const data = new Map(inputs.map((input) => [input, this.#part(input)]));
    const bytes = (of: readonly string[]): number =>
      of.reduce((sum, input) => sum + data.get(input)!.data.byteLength, 0);
    const embedded = (of: readonly string[]): [string, HeldData][] =>
      of.map((input) => [input, data.get(input)!.data]);
    if (bytes(inputs) <= EMBEDDED) return { parts: new Map(embedded(inputs)) };
    const folderOf = (input: string): string | undefined => {
      const { location } = data.get(input)!;
      return location && dirname(location.file);
    };
    // A session reads files of one folder: the checkpoint's. What a method adds beside it is small.
    const folder = inputs.map(folderOf).find((found) => found !== undefined);
    const outside = inputs.filter((input) => folderOf(input) !== folder);
    if (folder !== undefined && bytes(outside) <= EMBEDDED) {
      const mapped = inputs
        .filter((input) => folderOf(input) === folder)
        .map((input): [string, FileLocation] => {
          const { file, offset } = data.get(input)!.location!;
          return [input, { file: basename(file), offset }];
        });
      return {
        parts: new Map<string, HeldData | FileLocation>([...embedded(outside), ...mapped]),
        folder,
      };
    }
    return { parts: this.#spilled(embedded(inputs)), folder: this.#spill! };
  }

  /** Converted weights (half precision, random bases) go to a file of their own, each once. */
  #spilled(arrays: readonly (readonly [string, HeldData])[]): Map<string, FileLocation> {
    if (!this.#spill) {
      this.#spill = mkdtempSync(join(tmpdir(), 'deltabench-'));
      process.once('exit', () => {
        this.dispose();
      });
    }
    const file = openSync(join(this.#spill, 'weights'), 'a');
    for (const [input, data] of arrays) {
      if (this.#places.has(input)) continue;
      this.#places.set(input, { file: 'weights', offset: fstatSync(file).size });
      writeAll(file, data);
    }
    closeSync(file);
    return new Map(arrays.map(([input]) => [input, this.#places.get(input)!]));
  }

  dispose(): void {
    if (this.#spill) rmSync(this.#spill, { recursive: true, force: true });
    this.#spill = undefined;
    this.#places.clear();
  }
}

/** Numbers in half precision: their bits where the device multiplies them, else rounded. */
function toHalf(data: Float32Array, { precision, native }: Products): HeldData {
  const [narrow, widen] =
    precision === 'bfloat16' ? [narrowToBfloats, widenBfloats] : [narrowToHalves, widenHalves];
  const bits = narrow(data);
  if (native) return bits;
  const rounded = new Float32Array(data.length);
  widen(bits, rounded);
  return rounded;
}

function writeAll(file: number, data: HeldData): void {
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
  /** Held arrays in half precision. */
  half: 'half/',
  state: 'state/',
  input: 'input/',
  random: 'random/',
  output: 'output/',
} as const;

export interface OnnxOptions {
  /** 'cpu', 'webgpu', 'cuda' or 'cuda:1' */
  readonly device: string;
  readonly threads: number;
  readonly precision: Precision;
}

/** An engine that records programs and runs them with onnxruntime. */
export function createOnnxEngine({ device, threads, precision }: OnnxOptions): Engine {
  const [provider = 'cpu', index] = device.split(':');
  const onCpu = provider === 'cpu';
  const products = { precision, native: !onCpu };

  async function compile(signature: Signature, program: ProgramFunction): Promise<Program> {
    const { name, held, state, inputs, use } = signature;
    if (!(held instanceof OnnxHeld))
      throw new TypeError(`program ${name}: its held arrays belong to another engine`);
    const randoms = new Map<string, Shape>();
    const { graph, outputs } = recordGraph((input) => {
      const operands = (prefix: string, types: TensorTypes): Record<string, Tensor> =>
        Object.fromEntries(
          Object.entries(types).map(([key, { shape, dtype }]) => [
            key,
            input(prefix + key, shape, dtype, prefix === PREFIX.held ? PREFIX.half + key : undefined),
          ]),
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
    }, products);

    const nodes = graph.needed(outputs.map((o) => o.value));
    const used = new Set(nodes.flatMap((node) => node.inputs.map((v) => v.input)));
    // Weights are packed for products with few rows; on another device they have to lie inside the session at all.
    const inside = use === 'often' || !onCpu;
    const weights = Object.keys(held.types)
      .flatMap((key) => [PREFIX.held + key, PREFIX.half + key])
      .filter((input) => used.has(input));
    const { parts: initializers, folder } = inside
      ? held.initializers(weights)
      : { parts: new Map<string, never>() };
    // The outputs' names must differ from the inputs': state comes in under its name and leaves as new/….
    const renamed = outputs.map((o) => ({ name: `new/${o.name}`, value: o.value }));
    const { model, feeds } = encodeModel({ nodes, outputs: renamed, initializers });

    let session: ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(model, {
        executionProviders: onCpu
          ? ['cpu']
          : [index === undefined ? provider : { name: 'cuda', deviceId: Number(index) }],
        graphOptimizationLevel: 'basic',
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

    const fixed = held;
    async function run(current: State, arrays: NamedArrays, draw?: Draw): Promise<NamedArrays> {
      if (!(current instanceof OnnxState))
        throw new TypeError(`program ${name}: its state belongs to another engine`);
      const operands: Record<string, ort.Tensor> = {};
      for (const feed of feeds) {
        const cut = feed.indexOf('/') + 1;
        const [prefix, key] = [feed.slice(0, cut), feed.slice(cut)];
        operands[feed] =
          prefix === PREFIX.held || prefix === PREFIX.half
            ? fixed.feed(feed)
            : prefix === PREFIX.state
              ? current.tensors.get(key)!
              : prefix === PREFIX.random
                ? drawn(key, randoms.get(key)!, draw)
                : given(key, arrays);
      }
      const results = await session.run(operands);
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
    precision,
    hold: (arrays) => new OnnxHeld(arrays, products),
    state: (arrays) => new OnnxState(arrays),
    compile,
  };
}
