import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, basename, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import type { Tensor } from '@tensorflow/tfjs';
import { narrowToBfloats, narrowToHalves, widenBfloats, widenHalves } from '../data/float16.ts';
import { checkedInput, checkLength, checkReplacement, dtypeOf, sizeOf } from './checks.ts';
import { readBy, type Graph, type Node, type Products, type Value } from './graph.ts';
import { lastingOf, sumInOwnMemory, writtenInPlace } from './memory.ts';
import { explainLimit } from './limits.ts';
import { encodeModel, nodeName } from './onnx-model.ts';
import { computeAgain } from './recompute.ts';
import { recordGraph } from './recorder.ts';
import { runInto } from './run-into.ts';
import { stackCopies } from './stacked.ts';
import type {
  Draw,
  Engine,
  FileLocation,
  Held,
  HeldArray,
  ManyProgram,
  NamedArrays,
  NumericArray,
  Precision,
  Program,
  ProgramFunction,
  Random,
  RunOperands,
  Shape,
  Signature,
  State,
  TensorTypes,
} from './types.ts';

/** Weights above this many bytes are mapped from a file instead of being copied into the model. */
const EMBEDDED = 64 * 2 ** 20;

const typeOf = (shape: Shape, data: NumericArray): TensorTypes[string] => ({ shape, dtype: dtypeOf(data) });
const tensorOf = (data: NumericArray, shape: Shape): ort.Tensor => new ort.Tensor(dtypeOf(data), data, shape);

/** A tensor for a value of a program to be written into. */
function blank({ shape, dtype }: Value): ort.Tensor {
  if (dtype === 'float32') return tensorOf(new Float32Array(sizeOf(shape)), shape);
  if (dtype === 'int32') return tensorOf(new Int32Array(sizeOf(shape)), shape);
  throw new TypeError(`a program gives no ${dtype}`);
}

/** Bytes for a model, or the numbers of a feed. */
type HeldData = NumericArray | Uint16Array;

class OnnxHeld implements Held {
  readonly types: TensorTypes;
  readonly #arrays: Readonly<Record<string, HeldArray>>;
  readonly #products: Products;
  readonly #halves = new Map<string, HeldData>();
  readonly #feeds = new Map<string, ort.Tensor>();
  readonly #places = new Map<string, FileLocation>();
  readonly #memory = new Map<string, Float32Array>();
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

  /** Memory that programs which compute one after the other share by its name. */
  memory(name: string, shape: Shape): ort.Tensor {
    const size = sizeOf(shape);
    const large = this.#memory.get(name);
    const numbers = large && large.length >= size ? large : new Float32Array(size);
    this.#memory.set(name, numbers);
    return tensorOf(numbers.subarray(0, size), shape);
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
  /** What a run's new tensors are written into where the old ones are read still; by turns with `tensors`, so that no step allocates. */
  readonly #spare = new Map<string, ort.Tensor>();

  constructor(arrays: Readonly<Record<string, { shape: Shape; data: Float32Array }>>) {
    this.types = Object.fromEntries(
      Object.entries(arrays).map(([name, { shape, data }]) => [name, typeOf(shape, data)]),
    );
    this.write(Object.fromEntries(Object.entries(arrays).map(([name, { data }]) => [name, data])));
  }

  read(names: readonly string[] = [...this.tensors.keys()]): Promise<Record<string, Float32Array>> {
    return new Promise((resolve) => {
      resolve(Object.fromEntries(names.map((name) => [name, Float32Array.from(this.#data(name))])));
    });
  }

  write(arrays: Readonly<Record<string, Float32Array>>): void {
    for (const [name, data] of Object.entries(arrays)) {
      const type = this.types[name];
      if (!type) throw new RangeError(`the state has no tensor ${name}`);
      checkLength(name, data, type.shape);
      this.tensors.set(name, tensorOf(Float32Array.from(data), type.shape));
    }
  }

  clear(names: readonly string[]): void {
    for (const name of names) this.#data(name).fill(0);
  }

  #data(name: string): Float32Array {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new RangeError(`the state has no tensor ${name}`);
    return tensor.data as Float32Array;
  }

  /** A tensor of the name's type, to be written and then to `replace` the present one. */
  spare(name: string): ort.Tensor {
    const { shape } = this.types[name]!;
    const tensor = this.#spare.get(name) ?? tensorOf(new Float32Array(sizeOf(shape)), shape);
    this.#spare.set(name, tensor);
    return tensor;
  }

  replace(name: string): void {
    const [now, next] = [this.tensors.get(name)!, this.#spare.get(name)!];
    this.tensors.set(name, next);
    this.#spare.set(name, now);
  }

  dispose(): void {
    this.tensors.clear();
    this.#spare.clear();
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

/** Where an operand comes from or a result goes to: the copy of the program whose it is, and its name there. */
interface Place {
  readonly kind: keyof typeof PREFIX;
  readonly copy: number;
  readonly key: string;
}
interface Recorded {
  readonly graph: Graph;
  readonly outputs: readonly { readonly name: string; readonly value: Value }[];
  /** Of operands and results, by their names in the graph. */
  readonly places: ReadonlyMap<string, Place>;
  /** The random inputs, the same in every copy. */
  readonly randoms: ReadonlyMap<string, Random>;
}

/** Records a program so many times over the same held arrays. */
function recordCopies(
  { name, held, state, inputs }: Signature,
  program: ProgramFunction,
  copies: number,
  products: Products,
): Recorded {
  const places = new Map<string, Place>();
  const randoms = new Map<string, Random>();
  const called = (place: Place): string => {
    const full =
      PREFIX[place.kind] + place.key + (copies > 1 && place.kind !== 'held' ? ` @${place.copy}` : '');
    places.set(full, place);
    return full;
  };
  /** A held array in half precision is one for all copies too. */
  const halfOf = (key: string): string => {
    places.set(PREFIX.half + key, { kind: 'held', copy: 0, key });
    return PREFIX.half + key;
  };
  const { graph, outputs } = recordGraph(
    (input) => {
      const operands = (kind: Place['kind'], types: TensorTypes, copy: number): Record<string, Tensor> =>
        Object.fromEntries(
          Object.entries(types).map(([key, { shape, dtype }]) => [key, input(called({ kind, copy, key }), shape, dtype, kind === 'held' ? halfOf(key) : undefined)]), // prettier-ignore
        );
      const shared = operands('held', held.types, 0);
      const results: Record<string, Tensor> = {};
      for (let copy = 0; copy < copies; copy++) {
        const drawn = new Set<string>();
        const made = program({
          held: shared,
          state: operands('state', state, copy),
          inputs: operands('input', inputs, copy),
          random(key, shape, tail = 0) {
            if (drawn.has(key)) throw new Error(`program ${name} declares the random input ${key} twice`);
            drawn.add(key);
            randoms.set(key, { shape, tail });
            return input(called({ kind: 'random', copy, key }), shape, 'float32');
          },
        });
        for (const [key, tensor] of Object.entries(made.state ?? {})) {
          checkReplacement(name, key, tensor, state[key]);
          results[called({ kind: 'state', copy, key })] = tensor;
        }
        for (const [key, tensor] of Object.entries(made.outputs))
          results[called({ kind: 'output', copy, key })] = tensor;
      }
      return results;
    },
    products,
    !products.native && copies === 1,
  );
  return { graph, outputs, places, randoms };
}

/** The outputs of a recording, its copies computed together where there are several. */
function together({ graph, outputs, places }: Recorded, copies: number): Recorded['outputs'] {
  if (copies === 1) return outputs;
  const own = graph.inputs.flatMap((value) => {
    const { kind, copy, key } = places.get(value.input!)!;
    return kind === 'held' ? [] : [[value, { copy, name: PREFIX[kind] + key }] as const];
  });
  // What is in half precision was recorded so.
  return graph.inFloat32(() => stackCopies(graph, outputs, copies, new Map(own)));
}

export interface OnnxOptions {
  /** 'cpu', 'webgpu', 'cuda' or 'cuda:1' */
  readonly device: string;
  readonly threads: number;
  readonly precision: Precision;
  /** Computes what the backward pass reads again instead of keeping it. */
  readonly recompute: boolean;
}

/** An engine that records programs and runs them with onnxruntime. */
export function createOnnxEngine({ device, threads, precision, recompute }: OnnxOptions): Engine {
  const [provider = 'cpu', index] = device.split(':');
  const onCpu = provider === 'cpu';
  const products = { precision, native: !onCpu };

  async function compileMany(
    signature: Signature,
    program: ProgramFunction,
    copies: number,
  ): Promise<ManyProgram> {
    const { name, held, inputs, use } = signature;
    if (!(held instanceof OnnxHeld))
      throw new TypeError(`program ${name}: its held arrays belong to another engine`);
    const recorded = recordCopies(signature, program, copies, products);
    const { graph, places, randoms } = recorded;
    const outputs = together(recorded, copies);

    const values = outputs.map((o) => o.value);
    const needed = graph.needed(values);
    const computed = recompute && copies === 1 ? computeAgain(graph, needed) : needed;
    const { nodes, sums } = onCpu ? sumInOwnMemory(computed, values) : { nodes: computed, sums: [] };
    const lasting = onCpu ? lastingOf(graph, nodes, values) : [];
    const used = new Set(nodes.flatMap((node) => readBy(node).map((v) => v.input)));
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
    // CUDA would be asked to bring a sequence to the host, which was not tried.
    const noTensor = provider !== 'cuda';
    const { model, feeds } = encodeModel({
      nodes,
      outputs: [...renamed, ...sums, ...lasting],
      initializers,
      noTensor,
    });

    let session: ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(model, {
        executionProviders: [executionProvider(provider, index, nodes)],
        graphOptimizationLevel: 'basic',
        // Every session's own arena keeps what its largest run took, which pays where runs are short; a block planned for
        // everything at once takes half as much again and saves no time.
        enableCpuMemArena: use === 'often',
        enableMemPattern: false,
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        // What goes wrong is thrown, too.
        logSeverityLevel: 4,
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
    const given = feeds.filter((feed) => places.has(feed));
    const olds = new Map(graph.inputs.map((value) => [value.input, value]));
    const successors = renamed.flatMap(({ name: full, value }) => {
      const old = olds.get(full.slice('new/'.length));
      return old ? [{ full, old, made: value }] : [];
    });
    // Copies that nobody needs read the state of the first.
    const overwriting = onCpu && copies === 1 ? writtenInPlace(nodes, successors) : [];
    const inPlaces = new Set(overwriting.map(({ full }) => full));
    const made = renamed.map(({ name: full, value }) => ({
      full,
      value,
      inPlace: inPlaces.has(full),
      ...places.get(full.slice('new/'.length))!,
    }));
    async function run(runs: readonly RunOperands[]): Promise<NamedArrays[]> {
      const states = runs.map(({ state }) => {
        if (state instanceof OnnxState) return state;
        throw new TypeError(`program ${name}: its state belongs to another engine`);
      });
      const operands: Record<string, ort.Tensor> = {};
      for (const { zeros, value } of sums) {
        operands[zeros] = fixed.memory(zeros, value.shape);
        (operands[zeros].data as Float32Array).fill(0);
      }
      for (const feed of given) {
        const { kind, copy, key } = places.get(feed)!;
        // A copy that nobody needs computes what the first one does.
        const at = copy < runs.length ? copy : 0;
        const { inputs: arrays, draw } = runs[at]!;
        operands[feed] =
          kind === 'held'
            ? fixed.feed(feed)
            : kind === 'state'
              ? states[at]!.tensors.get(key)!
              : kind === 'random'
                ? drawn(feed, key, randoms.get(key)!.shape, draw)
                : checked(key, arrays);
      }
      const fetches = [
        ...made.map(({ full, inPlace, kind, copy, key, value }) => {
          const state = kind === 'state' ? states[copy] : undefined;
          return [full, (inPlace ? state?.tensors.get(key) : state?.spare(key)) ?? blank(value)] as const;
        }),
        ...sums.map(({ name, zeros }) => [name, operands[zeros]!] as const),
        ...lasting.map(({ name, value }) => [name, fixed.memory(name, value.shape)] as const),
      ];
      const results = Object.fromEntries(fetches);
      await runInto(session, operands, results).catch((error: unknown) => {
        throw explainLimit(error, name, device, nodes);
      });
      const out: NamedArrays[] = runs.map(() => ({}));
      for (const { full, inPlace, kind, copy, key } of made) {
        if (inPlace) continue;
        if (kind === 'state') states[copy]?.replace(key);
        else if (copy < runs.length) out[copy]![key] = results[full]!.data as NumericArray;
      }
      return out;
    }
    function drawn(feed: string, key: string, shape: Shape, draw: Draw | undefined): ort.Tensor {
      if (!draw) throw new Error(`program ${name} needs random numbers (${key}) and none are drawn`);
      // In the same memory every time: they are the most that a run reads anew.
      const tensor = fixed.memory(feed, shape);
      draw(key, tensor.data as Float32Array);
      return tensor;
    }
    function checked(key: string, arrays: NamedArrays): ort.Tensor {
      return tensorOf(checkedInput(name, key, arrays[key], inputs[key]!), inputs[key]!.shape);
    }
    return { nodes: nodes.length, run, dispose: () => session.release() };
  }

  async function compile(signature: Signature, program: ProgramFunction): Promise<Program> {
    const { run, ...rest } = await compileMany(signature, program, 1);
    return { ...rest, run: async (state, inputs, draw) => (await run([{ state, inputs, draw }]))[0]! };
  }

  return {
    name: 'onnx',
    device,
    precision,
    hold: (arrays) => new OnnxHeld(arrays, products),
    state: (arrays) => new OnnxState(arrays),
    compile,
    compileMany,
    randomsOf: (signature, program) => recordCopies(signature, program, 1, products).randoms,
  };
}
