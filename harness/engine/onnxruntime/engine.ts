import * as ort from 'onnxruntime-node';
import type { Tensor } from '@tensorflow/tfjs';
import { checkedInput, checkReplacement } from '../check-arrays.ts';
import type { Graph } from '../graph/graph.ts';
import type { Target } from '../graph/target.ts';
import { type Node, readBy, type Value } from '../graph/node.ts';
import { lastingOf, sumInOwnMemory, writtenInPlace } from '../graph/reuse-memory.ts';
import { explainLimit } from './device-limits.ts';
import { OnnxHeld } from './held.ts';
import { encodeModel, nodeName } from '../graph/encode-onnx.ts';
import { blank, PREFIX, tensorOf } from './operands.ts';
import { OnnxState } from './state.ts';
import { computeAgain } from '../graph/recompute.ts';
import { recordGraph } from '../graph/recorder.ts';
import { runInto } from './run-into.ts';
import { SessionThread, type Session, type SessionParts } from './session-thread.ts';
import { stackCopies } from '../graph/stack-copies.ts';
import {
  type Draw,
  type Engine,
  type ManyProgram,
  type NamedArrays,
  type NumericArray,
  type Precision,
  type Program,
  type ProgramFunction,
  type RandomInput,
  randomKey,
  type RunOperands,
  type Signature,
  type TensorTypes,
} from '../types.ts';

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
  /** The random inputs by their keys, the same in every copy. */
  readonly randoms: ReadonlyMap<string, RandomInput>;
}

/** Records a program so many times over the same held arrays. */
function recordCopies(
  { name, frozen, state, inputs }: Signature,
  program: ProgramFunction,
  copies: number,
  { products, provider }: Pick<Target, 'products' | 'provider'>,
): Recorded {
  const places = new Map<string, Place>();
  const randoms = new Map<string, RandomInput>();
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
      const shared = operands('held', frozen.types, 0);
      const results: Record<string, Tensor> = {};
      for (let copy = 0; copy < copies; copy++) {
        const drawn = new Set<string>();
        const made = program({
          frozen: shared,
          state: operands('state', state, copy),
          inputs: operands('input', inputs, copy),
          random(declared) {
            const key = randomKey(declared);
            if (drawn.has(key))
              throw new Error(`program ${name} declares the random input ${declared.name} twice`);
            drawn.add(key);
            randoms.set(key, declared);
            return input(called({ kind: 'random', copy, key }), declared.shape, 'float32');
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
    { products, provider, forCores: provider === 'cpu' && copies === 1 },
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
export function createOnnxEngine(options: OnnxOptions): Engine {
  const { device, threads, precision } = options;
  const engine = createEngineOf(options, openSession);
  if (device !== 'cpu' || precision !== 'float32' || threads % 2 > 0) return engine;
  let replicas: NonNullable<Engine['replicas']> | undefined;
  return {
    ...engine,
    get replicas() {
      return (replicas ??= createReplicas({ ...options, threads: threads / 2 }));
    },
  };
}

/** One for this thread, and one for another. */
function createReplicas(options: OnnxOptions): NonNullable<Engine['replicas']> {
  const aside = new SessionThread();
  return [
    createEngineOf(options, openSession),
    createEngineOf(options, (parts) => aside.open(parts), 'aside/'),
  ];
}

/** A session that runs in this thread. */
async function openSession({ model, options, held: frozen }: SessionParts): Promise<Session> {
  const session = await ort.InferenceSession.create(model, options);
  return {
    run: (feeds, fetches) => runInto(session, { ...frozen, ...feeds }, fetches),
    release: () => session.release(),
  };
}

/** `apart` names the memory of what is drawn, where another engine draws for the same held arrays at the same time. */
function createEngineOf(
  { device, threads, precision, recompute }: OnnxOptions,
  open: (parts: SessionParts) => Promise<Session>,
  apart = '',
): Engine {
  const [provider = 'cpu', index] = device.split(':');
  const onCpu = provider === 'cpu';
  const products = { precision, native: !onCpu };
  const target = { products, provider };

  async function compileMany(
    signature: Signature,
    program: ProgramFunction,
    copies: number,
  ): Promise<ManyProgram> {
    const { name, frozen, inputs, use } = signature;
    if (!(frozen instanceof OnnxHeld))
      throw new TypeError(`program ${name}: its held arrays belong to another engine`);
    const recorded = recordCopies(signature, program, copies, target);
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
    const weights = Object.keys(frozen.types)
      .flatMap((key) => [PREFIX.held + key, PREFIX.half + key])
      .filter((input) => used.has(input));
    const { parts: initializers, folder } = inside
      ? frozen.initializers(weights)
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

    const options: SessionParts['options'] = {
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
    };
    const given = feeds.flatMap((feed) => {
      const place = places.get(feed);
      return place ? [{ feed, ...place }] : [];
    });
    const isHeld = ({ kind }: Place): boolean => kind === 'held';
    const ofHeld = Object.fromEntries(given.filter(isHeld).map(({ feed }) => [feed, frozen.feed(feed)]));
    const changing = given.filter((place) => !isHeld(place));
    let session: Session;
    try {
      session = await open({ model, options, held: ofHeld, owner: frozen });
    } catch (error) {
      throw new Error(`onnxruntime refuses the program ${name}: ${(error as Error).message}`, {
        cause: error,
      });
    }

    const fixed = frozen;
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
      for (const { feed, kind, copy, key } of changing) {
        // A copy that nobody needs computes what the first one does.
        const at = copy < runs.length ? copy : 0;
        const { inputs: arrays, draw } = runs[at]!;
        operands[feed] =
          kind === 'state'
            ? states[at]!.tensors.get(key)!
            : kind === 'random'
              ? drawn(feed, randoms.get(key)!, draw)
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
      await session.run(operands, results).catch((error: unknown) => {
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
    function drawn(feed: string, declared: RandomInput, draw: Draw | undefined): ort.Tensor {
      if (!draw)
        throw new Error(`program ${name} needs random numbers (${declared.name}) and none are drawn`);
      // In the same memory every time: they are the most that a run reads anew.
      const tensor = fixed.memory(apart + feed, declared.shape);
      draw(declared, tensor.data as Float32Array);
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
    freeze: (arrays) => new OnnxHeld(arrays, products),
    state: (arrays) => new OnnxState(arrays),
    compile,
    compileMany,
    randomsOf: (signature, program) => recordCopies(signature, program, 1, target).randoms,
  };
}
