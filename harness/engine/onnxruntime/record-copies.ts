/**
 * Records a program, once or several times over the same frozen arrays, and remembers where each operand
 * comes from. The engine lowers what this gives (lower.ts).
 */
import type { Tensor } from '../tfjs/library.ts';
import { checkReplacement } from '../check-arrays.ts';
import type { Graph } from '../graph/graph.ts';
import type { InputFacts } from '../graph/node.ts';
import { type DeclareInput, type Outputs, recordGraph } from '../graph/recorder.ts';
import { stackCopies } from '../graph/stack-copies.ts';
import type { Target } from '../graph/target.ts';
import {
  type FrozenType,
  type PackedPart,
  packedParts,
  type ProgramFunction,
  type RandomInput,
  randomKey,
  type Signature,
} from '../types.ts';
import { type Place, PREFIX } from './operands.ts';

export interface Recording {
  readonly graph: Graph;
  readonly outputs: Outputs;
  readonly copies: number;
  /** The places of operands and results, by their names in the graph. */
  readonly places: ReadonlyMap<string, Place>;
  /** The random inputs by their keys, the same in every copy. */
  readonly randoms: ReadonlyMap<string, RandomInput>;
}

/**
 * Records `copies` of a program in one graph, each with a state and inputs of its own; throws what the
 * program throws.
 */
export function recordCopies(
  signature: Signature,
  program: ProgramFunction,
  copies: number,
  { products, provider }: Pick<Target, 'products' | 'provider'>,
): Recording {
  const recorder = new CopyRecorder(signature, copies);
  const forCores = provider === 'cpu' && copies === 1;
  const recorded = recordGraph((input) => recorder.record(program, input), { products, provider, forCores });
  return { ...recorded, copies, places: recorder.places, randoms: recorder.randoms };
}

/** The outputs of a recording; several copies are computed together by operations on stacked tensors. */
export function stackedOutputs({ graph, outputs, copies, places }: Recording): Outputs {
  if (copies === 1) return outputs;
  const own = graph.inputs.flatMap((value) => {
    const { kind, copy, key } = places.get(value.input!)!;
    return kind === 'frozen' ? [] : [[value, { copy, name: PREFIX[kind] + key }] as const];
  });
  // The recording contains the casts to half precision already; stacking must not add more.
  return graph.inFloat32(() => stackCopies(graph, outputs, copies, new Map(own)));
}

class CopyRecorder {
  readonly places = new Map<string, Place>();
  readonly randoms = new Map<string, RandomInput>();
  readonly #signature: Signature;
  readonly #copies: number;

  constructor(signature: Signature, copies: number) {
    this.#signature = signature;
    this.#copies = copies;
  }

  /** Runs the program once for each copy; returns the results of all. */
  record(program: ProgramFunction, input: DeclareInput): Record<string, Tensor> {
    const frozen = this.#operands(input, 'frozen', this.#signature.frozen.types, 0);
    const results: Record<string, Tensor> = {};
    for (let copy = 0; copy < this.#copies; copy++) this.#recordCopy(program, input, copy, frozen, results);
    return results;
  }

  #recordCopy(
    program: ProgramFunction,
    input: DeclareInput,
    copy: number,
    frozen: Record<string, Tensor>,
    results: Record<string, Tensor>,
  ): void {
    const { name, state, inputs } = this.#signature;
    const drawn = new Set<string>();
    const returned = program({
      frozen,
      state: this.#operands(input, 'state', state, copy),
      inputs: this.#operands(input, 'input', inputs, copy),
      random: (declared) => {
        const key = randomKey(declared);
        if (drawn.has(key))
          throw new Error(`program ${name} declares the random input ${declared.name} twice`);
        drawn.add(key);
        this.randoms.set(key, declared);
        return input(this.#nameOf({ kind: 'random', copy, key }), declared.shape, 'float32');
      },
    });
    for (const [key, tensor] of Object.entries(returned.state ?? {})) {
      checkReplacement(name, key, tensor, state[key]);
      results[this.#nameOf({ kind: 'state', copy, key })] = tensor;
    }
    for (const [key, tensor] of Object.entries(returned.outputs))
      results[this.#nameOf({ kind: 'output', copy, key })] = tensor;
  }

  #operands(
    input: DeclareInput,
    kind: Place['kind'],
    types: Readonly<Record<string, FrozenType>>,
    copy: number,
  ): Record<string, Tensor> {
    const declared = Object.entries(types).map(([key, { shape, dtype, packed }]) => {
      const name = this.#nameOf({ kind, copy, key });
      const facts = kind === 'frozen' ? this.#factsOf(key, packed) : {};
      return [key, input(name, shape, dtype, facts)] as const;
    });
    return Object.fromEntries(declared);
  }

  /** The name of a place in the graph. */
  #nameOf(place: Place): string {
    const { kind, copy, key } = place;
    const name = PREFIX[kind] + key + (this.#copies > 1 && kind !== 'frozen' ? ` @${copy}` : '');
    this.places.set(name, place);
    return name;
  }

  /** What is known of a frozen array: the inputs that hold it in half precision, or the parts of a packed one. */
  #factsOf(key: string, packed: FrozenType['packed']): InputFacts {
    const partOf = (kind: 'half' | PackedPart): string => {
      const name = PREFIX[kind] + key;
      this.places.set(name, { kind: 'frozen', copy: 0, key });
      return name;
    };
    if (!packed) return { isFrozen: true, half: partOf('half') };
    const [codes, scales, zeros, order] = packedParts.map(partOf) as [string, string, string, string];
    return { isFrozen: true, packed: { ...packed, codes, scales, zeros, order } };
  }
}
