/**
 * Log-likelihoods of many requests: reads batches of trees of tokens, and the beginning that batches share
 * once. runs/evaluate uses it. A request's numbers depend on its batch by rounding alone, and a batch on the
 * documents of its evaluation.
 */
import { promptInputs, readLength } from '../../decoding/prompt-inputs.ts';
import { prefillProgram, type LoadedModel } from '../../decoding/programs.ts';
import type { NamedArrays, Program, State } from '../../engine/types.ts';
import { MASKED } from '../../models/families/parts/layers.ts';
import { virtualTokens } from '../../models/method.ts';
import type { Likelihood } from '../measures.ts';
import type { Beginning, LikelihoodBatch } from './batches.ts';
import { beginningKey, fillTrees, likelihoodProgram, type TreesShape } from './program.ts';
import { treeOf, type TokenTree } from './token-tree.ts';

/** Most compiled programs that a scorer keeps: each has memory of its own. The oldest goes first. */
export const KEPT_PROGRAMS = 8;

/** Reads batches with a model; keeps the programs that it compiles, for batches of any evaluation. */
export class LikelihoodScorer {
  readonly #model: LoadedModel;
  readonly #programs = new Map<string, Promise<Program>>();
  readonly #state: State;
  /** The last beginning that was read, and its keys and values as inputs of programs. */
  #read: { readonly beginning: Beginning; readonly inputs: NamedArrays } | undefined;

  constructor(model: LoadedModel) {
    this.#model = model;
    this.#state = model.engine.state({});
  }

  /** Whether the program of a batch is compiled already, and whether its beginning is the last that was read. */
  hasReady({ shape, beginning }: LikelihoodBatch): { program: boolean; beginning: boolean } {
    return {
      program: this.#programs.has(JSON.stringify(shape)),
      beginning: beginning === undefined || this.#read?.beginning === beginning,
    };
  }

  /** Scores the documents of a batch; scores are not finite where the model's numbers are not. */
  async score(batch: LikelihoodBatch): Promise<(readonly [document: number, Likelihood[]])[]> {
    const { shape, beginning } = batch;
    const { delta } = this.#model;
    const begun = beginning?.ids.length ?? 0;
    const trees = batch.requests.map((own) => treeOf(own, delta.readsPrompt === true, begun));
    const inputs = fillTrees(trees, batch.begins, shape, beginning ? virtualTokens(delta) : 0);
    const before = beginning && (await this.#inputsOf(beginning, shape.beginning));
    const program = await this.#programOf(shape);
    const out = await program.run(this.#state, { ...inputs, ...before });
    const sums = sumsOf(trees, out.logProbability as Float32Array, out.isLargest as Float32Array);
    return batch.documents.map((document, i) => [document, sums[i]!] as const);
  }

  /** Disposes of the programs; the model's tensors stay. */
  async close(): Promise<void> {
    for (const program of this.#programs.values()) await (await program).dispose();
    this.#state.dispose();
  }

  async #programOf(shape: TreesShape): Promise<Program> {
    const key = JSON.stringify(shape);
    const known = this.#programs.get(key);
    if (known) return known;
    for (const [oldest, program] of this.#programs) {
      if (this.#programs.size < KEPT_PROGRAMS) break;
      this.#programs.delete(oldest);
      await (await program).dispose();
    }
    const program = likelihoodProgram(this.#model, shape);
    this.#programs.set(key, program);
    return program;
  }

  /** The keys and values of a beginning in so many slots, those of the method's own tokens first. */
  async #inputsOf(beginning: Beginning, slots: number): Promise<NamedArrays> {
    if (this.#read?.beginning === beginning) return this.#read.inputs;
    const { base, delta } = this.#model;
    const { layers, kvHeads, headWidth } = base.architecture;
    const virtual = virtualTokens(delta);
    const width = kvHeads * headWidth;
    const out = await this.#readBeginning(beginning);
    const filled = virtual + beginning.ids.length;
    const bias = new Float32Array(slots).fill(MASKED, filled).fill(0, 0, filled);
    const inputs: NamedArrays = { [beginningKey('bias')]: bias };
    for (let layer = 0; layer < layers; layer++) {
      for (const kind of ['key', 'value'] as const) {
        const rows = new Float32Array(slots * width);
        if (virtual > 0) rows.set(out[`prefix ${kind} ${layer}`]!);
        rows.set(out[`${kind} ${layer}`]!.subarray(0, beginning.ids.length * width), virtual * width);
        inputs[beginningKey(kind, layer)] = rows;
      }
    }
    this.#read = { beginning, inputs };
    return inputs;
  }

  async #readBeginning({ ids, tokensAfter }: Beginning): Promise<NamedArrays> {
    const setup = { ...this.#model, normalized: true };
    const length = readLength(setup, [ids]);
    const program = await prefillProgram(setup, { rows: 1, length, candidates: 1 });
    const inputs = promptInputs([ids], 1, length);
    const fromEnd = inputs.fromEnd!.map((own) => (own < 0 ? own : own + tokensAfter));
    try {
      return await program.run(this.#state, { ...inputs, fromEnd });
    } finally {
      await program.dispose();
    }
  }
}

/** The scores of each tree's requests, summed over their tokens in float64. */
function sumsOf(
  trees: readonly TokenTree[],
  logProbability: Float32Array,
  isLargest: Float32Array,
): Likelihood[][] {
  let place = 0;
  return trees.map(({ predictions }) => {
    const sums: { logLikelihood: number; isGreedy: boolean }[] = [];
    for (const { request } of predictions) {
      const own = (sums[request] ??= { logLikelihood: 0, isGreedy: true });
      own.logLikelihood += logProbability[place]!;
      own.isGreedy = own.isGreedy && isLargest[place] === 1;
      place++;
    }
    return sums;
  });
}
