/**
 * A compiled program: binds the operands of its runs to the session's feeds, runs it, replaces state and
 * returns outputs. This is the hot path of training: a run allocates nothing but the outputs that its caller
 * reads.
 */
import type * as ort from 'onnxruntime-node';
import { checkedInput } from '../check-arrays.ts';
import type { Draw, NamedArrays, NumericArray, RandomInput, RunOperands, TensorTypes } from '../types.ts';
import { explainLimit } from './device-limits.ts';
import type { OnnxFrozen } from './frozen.ts';
import type { Feed, Lowered } from './lower.ts';
import { tensorOf } from './operands.ts';
import { blankTensor } from './result-memory.js';
import { onHost, type Operand, type Session, type Tensors } from './session.ts';
import { OnnxState } from './state.ts';

/** The inputs, frozen weights and random inputs that a program's runs need besides its session. */
export interface Binding {
  readonly name: string;
  readonly device: string;
  readonly inputs: TensorTypes;
  readonly frozen: OnnxFrozen;
  readonly randoms: ReadonlyMap<string, RandomInput>;
  /**
   * Begins the names of buffers for random numbers; replicas that draw at the same time must not share them.
   */
  readonly drawPrefix: string;
}

export class OnnxProgram {
  readonly #binding: Binding;
  readonly #lowered: Lowered;
  readonly #session: Session;
  /** Feeds that differ from run to run. */
  readonly #feeds: readonly Feed[];

  constructor(binding: Binding, lowered: Lowered, session: Session) {
    this.#binding = binding;
    this.#lowered = lowered;
    this.#session = session;
    this.#feeds = lowered.feeds.filter(({ kind }) => kind !== 'frozen');
  }

  /** Runs once for each of `runs`, at most as many as there are copies; returns their outputs. */
  async run(runs: readonly RunOperands[]): Promise<NamedArrays[]> {
    const { name, device } = this.#binding;
    const states = runs.map(({ state }) => {
      if (state instanceof OnnxState) return state;
      throw new TypeError(`program ${name}: its state belongs to another engine`);
    });
    const feeds = this.#bindFeeds(runs, states);
    const results = this.#bindResults(states, feeds);
    await this.#session.run(feeds, results).catch((error: unknown) => {
      throw explainLimit(error, name, device, this.#lowered.nodes);
    });
    return this.#returnOutputs(runs, states, results);
  }

  #bindFeeds(runs: readonly RunOperands[], states: readonly OnnxState[]): Tensors {
    const feeds: Record<string, Operand> = {};
    for (const { zeros, value } of this.#lowered.sums) {
      const tensor = this.#binding.frozen.memory.tensor(zeros, value.shape);
      (tensor.data as Float32Array).fill(0);
      feeds[zeros] = tensor;
    }
    for (const feed of this.#feeds) {
      // A copy without a run of its own computes what the first one does.
      const at = feed.copy < runs.length ? feed.copy : 0;
      const { inputs, draw } = runs[at]!;
      if (feed.kind === 'state') feeds[feed.name] = states[at]!.tensors.get(feed.key)!;
      else if (feed.kind === 'random') feeds[feed.name] = this.#drawn(feed, draw);
      else feeds[feed.name] = this.#given(feed.key, inputs);
    }
    return feeds;
  }

  #bindResults(states: readonly OnnxState[], feeds: Tensors): Tensors {
    const { results, sums, kept } = this.#lowered;
    const bound: Record<string, Operand> = {};
    for (const { name, kind, copy, key, value, inPlace } of results) {
      const state = kind === 'state' ? states[copy] : undefined;
      const target = inPlace ? state?.tensors.get(key) : state?.spare(key);
      bound[name] = target ?? blankTensor(value.dtype, value.shape);
    }
    for (const { name, zeros } of sums) bound[name] = feeds[zeros]!;
    for (const { name, value } of kept) bound[name] = this.#binding.frozen.memory.tensor(name, value.shape);
    return bound;
  }

  #returnOutputs(
    runs: readonly RunOperands[],
    states: readonly OnnxState[],
    results: Tensors,
  ): NamedArrays[] {
    const outputs: NamedArrays[] = runs.map(() => ({}));
    for (const { name, inPlace, kind, copy, key } of this.#lowered.results) {
      if (inPlace) continue;
      if (kind === 'state') states[copy]?.replace(key);
      else if (copy < runs.length) outputs[copy]![key] = onHost(results)[name]!.data as NumericArray;
    }
    return outputs;
  }

  #drawn({ name, key }: Feed, draw: Draw | undefined): ort.Tensor {
    const { frozen, randoms, drawPrefix } = this.#binding;
    const declared = randoms.get(key)!;
    if (!draw)
      throw new Error(
        `program ${this.#binding.name} needs random numbers (${declared.name}) and none are drawn`,
      );
    // The buffer is the same in every run: random numbers are most of what a run reads anew.
    const tensor = frozen.memory.tensor(drawPrefix + name, declared.shape);
    draw(declared, tensor.data as Float32Array);
    return tensor;
  }

  #given(key: string, arrays: NamedArrays): ort.Tensor {
    const type = this.#binding.inputs[key]!;
    return tensorOf(checkedInput(this.#binding.name, key, arrays[key], type), type.shape);
  }
}
