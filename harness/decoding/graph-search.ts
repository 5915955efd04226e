import * as ops from '../engine/ops.ts';
import type { Tensor } from '../engine/ops.ts';
import type { NamedArrays, Program, ProgramTensors, TensorTypes } from '../engine/types.ts';
import type { DecoderStates, Past } from '../models/family.ts';
import { MASKED } from '../models/layers.ts';
import { SOURCE } from '../models/run-model.ts';
import { virtualTokens } from '../models/types.ts';
import type { EarlyStopping, Hypothesis } from './beam.ts';
import { largest } from './candidates.ts';
import { paddedLength, promptInputs, sourceInputs } from './prompt-inputs.ts';
import {
  candidatesOf,
  promptTypes,
  readPrompts,
  readSources,
  readTokens,
  sourceTypes,
  type DecodingSetup,
} from './programs.ts';

// Greedy and beam search (transformers 5, as greedy.ts and beam.ts follow it) inside one program, as a loop over tokens: on a
// device with a memory of its own the cache would else cross the bus for each token.

/** What a search does, for all of its prompts. */
export interface SearchRules {
  readonly maxNewTokens: number;
  readonly beams: number;
  readonly eosId: number | undefined;
  readonly lengthPenalty: number;
  readonly earlyStopping: EarlyStopping;
}
interface SearchShape extends SearchRules {
  /** B prompts, padded to T tokens. */
  readonly prompts: number;
  readonly length: number;
}

/** Stands for the score of what must not be chosen. */
const NEVER = -1e9;
/** Stands where a sequence has no token. */
const NONE = -1;

/** Searches for continuations, `together` prompts at a time; the setup's scores are normalised where there are beams. */
export class GraphSearch {
  readonly #setup: DecodingSetup;
  readonly #rules: SearchRules;
  readonly #together: number;
  readonly #programs = new Map<number, Promise<Program>>();
  readonly #state;

  constructor(setup: DecodingSetup, rules: SearchRules, together: number) {
    this.#setup = setup;
    this.#rules = rules;
    this.#together = together;
    this.#state = setup.engine.state({});
  }

  /** What the search finds for each prompt, best first; `together` prompts at most. */
  async run(prompts: readonly (readonly number[])[]): Promise<Hypothesis[][]> {
    const { base, delta } = this.#setup;
    const room = base.architecture.positions - virtualTokens(delta);
    const length = Math.min(paddedLength(Math.max(...prompts.map((prompt) => prompt.length))), room);
    const rows = this.#together;
    const isSource = base.architecture.kind === 'encoder-decoder';
    const before = isSource ? (delta.prefixLength ?? 0) + 1 : virtualTokens(delta);
    const ends = new Int32Array(rows).fill(before);
    const open = new Float32Array(rows);
    prompts.forEach((prompt, row) => {
      if (!isSource) ends[row] = before + prompt.length;
      open[row] = 1;
    });
    const read = isSource ? sourceInputs(prompts, rows, length) : promptInputs(prompts, rows, length);
    const out = await (await this.#program(length)).run(this.#state, { ...read, ends, open });
    return prompts.map((_, row) => hypothesesOf(out, row, this.#rules));
  }

  async dispose(): Promise<void> {
    for (const program of this.#programs.values()) await (await program).dispose();
    this.#state.dispose();
  }

  #program(length: number): Promise<Program> {
    const known = this.#programs.get(length);
    const program = known ?? searchProgram(this.#setup, { ...this.#rules, prompts: this.#together, length });
    this.#programs.set(length, program);
    return program;
  }
}

function hypothesesOf(
  { tokens, scores }: NamedArrays,
  row: number,
  { beams, maxNewTokens }: SearchRules,
): Hypothesis[] {
  return Array.from({ length: beams }, (_, beam) => row * beams + beam)
    .filter((at) => scores![at]! > NEVER / 2)
    .map((at) => {
      const all = [...tokens!.subarray(at * maxNewTokens, (at + 1) * maxNewTokens)];
      const end = all.indexOf(NONE);
      return { tokens: end < 0 ? all : all.slice(0, end), score: scores![at]! };
    });
}

/**
 * Inputs: those of prompts or sources; `ends` [B], tokens that stand in the decoder's cache before the first new one;
 * `open` [B], 1 where a row has a prompt. Outputs: `tokens` [B·K, M] of K sequences each, best first, NONE behind their ends;
 * `scores` [B·K], NEVER where there is no such sequence.
 */
function searchProgram(setup: DecodingSetup, shape: SearchShape): Promise<Program> {
  const { prompts, length, beams, maxNewTokens } = shape;
  const { architecture } = setup.base;
  const isSource = architecture.kind === 'encoder-decoder';
  const types: TensorTypes = {
    ...(isSource ? sourceTypes(prompts, length) : promptTypes(prompts, length)),
    ends: { shape: [prompts], dtype: 'int32' },
    open: { shape: [prompts], dtype: 'float32' },
  };
  return setup.engine.compile(
    {
      name: `search ${prompts}x${length}, ${beams} beams, ${maxNewTokens} tokens`,
      held: setup.held,
      state: {},
      inputs: types,
      use: 'often',
    },
    (x) => {
      const search = beams === 1 ? greedySearch(shape) : beamSearch(shape);
      const states = isSource
        ? readSources(setup, x, prompts, length)
        : readPrompts(setup, x, prompts, length);
      const repeat = (y: Tensor): Tensor => ops.gather(y, rowsOfGroups(prompts, beams));
      const cache = cacheOf(setup, x, states, shape);
      const ends = repeat(x.inputs.ends!);
      const first = candidatesOf(setup, x, states.hidden, search.candidates);
      const start = [...cache.keys, ...cache.values].map(repeat);
      const [, , ...rest] = ops.loop(
        maxNewTokens,
        [repeat(first.ids), repeat(first.scores), ...start, ...search.start(x.inputs.open!)],
        (turn, carried) => {
          const [ids, scores, ...others] = carried as [Tensor, Tensor, ...Tensor[]];
          const kept = others.slice(0, start.length);
          const { next, parents, again, state } = search.choose(
            turn,
            { ids, scores },
            others.slice(start.length),
          );
          const past = kept.map((y) => (parents ? ops.gather(y, parents) : y));
          const seen: Past = {
            keys: past.slice(0, cache.keys.length),
            values: past.slice(cache.keys.length),
            bias: cache.bias(turn),
            ...(cache.source && { source: cache.source }),
          };
          const inside = { ...x, inputs: { ids: next, positions: ends.add(turn) } };
          const made = readTokens(setup, inside, prompts * beams, seen);
          const now = candidatesOf(setup, x, made.hidden, search.candidates);
          const grown = [...made.keys, ...made.values].map((y, i) => cache.put(past[i]!, y, turn));
          return { again, carried: [now.ids, now.scores, ...grown, ...state] };
        },
      );
      return { outputs: search.found(rest.slice(start.length)) };
    },
  );
}

/** The rows of a group's beams: [B·K], the number of the group for each. */
const rowsOfGroups = (groups: number, beams: number): Rows =>
  ops.tensor(Int32Array.from({ length: groups * beams }, (_, i) => Math.floor(i / beams)), [groups * beams], 'int32'); // prettier-ignore
/** A list of numbers of rows. */
type Rows = Parameters<typeof ops.gather>[1] & Tensor;

/** A cache with room for the new tokens behind the padded prompts. */
function cacheOf(
  { base }: DecodingSetup,
  x: ProgramTensors,
  { keys, values, ahead, source }: DecoderStates,
  { prompts, length, beams, maxNewTokens }: SearchShape,
): {
  /** [B, H, P, h] each */
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
  readonly source?: Past;
  /** [B·K, 1, 1, P] before the turn's token. */
  bias(turn: Tensor): Tensor;
  /** Puts a turn's keys or values [B·K, H·h] into a cache [B·K, H, P, h]. */
  put(cached: Tensor, made: Tensor, turn: Tensor): Tensor;
} {
  const { kvHeads: heads, headWidth } = base.architecture;
  const perHead = (y: Tensor, rows: number): Tensor =>
    y.reshape([rows, -1, heads, headWidth]).transpose([0, 2, 1, 3]);
  const isSource = source !== undefined;
  const before = ahead[0]?.key.shape[0] ?? 0;
  const read = before + (isSource ? 1 : length);
  const slots = read + maxNewTokens;
  const whole = (own: Tensor, shared: Tensor | undefined): Tensor => {
    const each = perHead(own, prompts);
    const read = shared ? ops.concat([ops.tile(perHead(shared, 1), [prompts, 1, 1, 1]), each], 2) : each;
    return ops.pad(read, [[0, 0], [0, 0], [0, maxNewTokens], [0, 0]]); // prettier-ignore
  };
  /** The turn whose token a slot is for; negative ones are read before. */
  const turnOf = (shape: number[]): Tensor =>
    ops.tensor(
      Int32Array.from({ length: slots }, (_, i) => i - read),
      shape,
      'int32',
    );
  // What of the prompts' slots is padding: [B·K, 1, 1, P].
  const own = isSource ? ops.zeros([prompts, 1]) : ops.sub(1, x.inputs.tokens!.reshape([prompts, length])).mul(MASKED); // prettier-ignore
  const padding = ops.pad(own, [[0, 0], [before, maxNewTokens]]).reshape([prompts, 1, 1, slots]); // prettier-ignore
  const repeated = ops.gather(padding, rowsOfGroups(prompts, beams));
  const seenSource = source && {
    keys: source.keys.map((y) => perHead(y, prompts)),
    values: source.values.map((y) => perHead(y, prompts)),
    bias: behindVirtual(x.inputs[`${SOURCE}bias`]!, source.keys[0]!.shape[0] / prompts),
  };
  return {
    keys: keys.map((y, i) => whole(y, ahead[i]?.key)),
    values: values.map((y, i) => whole(y, ahead[i]?.value)),
    ...(seenSource && { source: seenSource }),
    bias: (turn) => repeated.add(ops.choose(ops.less(turnOf([1, 1, 1, slots]), turn), ops.scalar(0), ops.scalar(MASKED))), // prettier-ignore
    put: (cached, made, turn) =>
      ops.choose(ops.equal(turnOf([1, 1, slots, 1]), turn), perHead(made, prompts * beams), cached),
  };
}

/** A source's bias [B, 1, 1, T] with as many visible slots before it as make `length`. */
const behindVirtual = (bias: Tensor, length: number): Tensor => {
  const [batch, , , own] = bias.shape as [number, number, number, number];
  return length === own ? bias : ops.concat([ops.zeros([batch, 1, 1, length - own]), bias], 3);
};

/** A search as tensors that a loop carries. */
interface TensorSearch {
  /** Candidates of each beam that a choice sees. */
  readonly candidates: number;
  start(open: Tensor): Tensor[];
  /** From the candidates of each beam [B·K, C]: the next tokens [B·K], the rows that they continue where these change, whether any search goes on. */
  choose(
    turn: Tensor,
    candidates: { ids: Tensor; scores: Tensor },
    state: readonly Tensor[],
  ): { next: Tensor; parents?: Rows; again: Tensor; state: Tensor[] };
  found(state: readonly Tensor[]): { tokens: Tensor; scores: Tensor };
}

const anyOpen = (open: Tensor): Tensor => ops.less(0, open.sum());
/** [1, M]: the numbers of the new tokens. */
const places = (count: number): Tensor =>
  ops.tensor(
    Int32Array.from({ length: count }, (_, i) => i),
    [1, count],
    'int32',
  );
const noTokens = (rows: number, count: number): Tensor => ops.fill([rows, count], NONE, 'int32');

function greedySearch({ prompts, maxNewTokens, eosId }: SearchShape): TensorSearch {
  const none = ops.scalar;
  return {
    candidates: 1,
    start: (open) => [noTokens(prompts, maxNewTokens), open],
    choose(turn, { ids }, [tokens, open]) {
      const next = ids.reshape([prompts]);
      const goesOn = eosId === undefined ? open! : ops.choose(ops.equal(next, none(eosId, 'int32')), ops.scalar(0), open!); // prettier-ignore
      const isNew = ops.choose(ops.equal(places(maxNewTokens), turn), goesOn.reshape([prompts, 1]), ops.scalar(0)); // prettier-ignore
      const grown = ops.choose(ops.less(0, isNew), next.reshape([prompts, 1]), tokens!);
      return { next, again: anyOpen(goesOn), state: [grown, goesOn] };
    },
    found: ([tokens]) => ({ tokens: tokens!, scores: ops.zeros([prompts]) }),
  };
}

function beamSearch(shape: SearchShape): TensorSearch {
  const { prompts: B, beams: K, maxNewTokens: M, eosId, lengthPenalty, earlyStopping } = shape;
  const C = 2 * K;
  const ints = (list: readonly number[], of: number[]): Tensor => ops.tensor(Int32Array.from(list), of, 'int32'); // prettier-ignore
  const count = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
  /** Rows of [B·n, …] by their numbers among the n of each group, [B, ·] → [B·, …]. */
  const pick = (rows: Tensor, at: Tensor, n: number): Tensor => {
    const offsets = ints(count(B).map((group) => group * n), [B, 1]); // prettier-ignore
    return ops.gather(rows, at.add(offsets).reshape<Rows>([-1]));
  };
  const ended = (ids: Tensor): Tensor =>
    eosId === undefined ? ops.zeros([B, C]) : ops.cast(ops.equal(ids, ops.scalar(eosId, 'int32')), 'float32');
  const powers = ops.tensor(
    Float32Array.from(count(M), (i) => (i + 1) ** lengthPenalty),
    [M],
  );
  const penalty = (turn: Tensor): Tensor => ops.gather(powers, turn.reshape<Rows>([1]));
  const firstOf = (y: Tensor): Tensor => ops.slice(y, [0, 0], [B, K]);
  return {
    candidates: C,
    // All beams are the prompt at first, and only the first one counts.
    start: (open) => [
      noTokens(B * K, M),
      ops.tensor(
        Float32Array.from(count(B * K), (i) => (i % K === 0 ? 0 : NEVER)),
        [B, K],
      ),
      noTokens(B * K, M),
      ops.fill([B, K], NEVER),
      open.reshape([B, 1]),
    ],
    choose(turn, candidates, [running, before, finished, finishedScores, open]) {
      const all = candidates.scores
        .reshape([B, K, C])
        .add(before!.reshape([B, K, 1]))
        .reshape([B, K * C]);
      const best = largest(all, C);
      const parents = ops.gather(ints(count(K * C).map((i) => Math.floor(i / C)), [K * C]), best.indices); // prettier-ignore
      const ids = pick(candidates.ids.reshape([-1]), best.indices, K * C).reshape([B, C]);
      const isEnd = ended(ids);
      const isLast = ops.cast(ops.equal(turn, ops.scalar(M - 1, 'int32')), 'float32');

      const isHere = ops.equal(places(M), turn);
      const sequences = pick(running!, parents, K).reshape([B, C, M]);
      const written = ops.choose(ops.less(0, isEnd), ops.scalar(NONE, 'int32'), ids).reshape([B, C, 1]);
      const grown = ops.choose(isHere, written, sequences);

      // Only what is among the best K may finish; the other candidates are there to take the finished ones' places.
      const finishes = ops.maximum(firstOf(isEnd), isLast).mul(open!);
      const scored = ops.choose(ops.less(0, finishes), firstOf(best.values).div(penalty(turn)), ops.scalar(NEVER)); // prettier-ignore
      const kept = largest(ops.concat([finishedScores!, scored], 1), K);
      const merged = ops.concat([finished!.reshape([B, K, M]), ops.slice(grown, [0, 0, 0], [B, K, M])], 1);
      const finishedNow = pick(merged.reshape([B * C, M]), kept.indices, C);

      const next = largest(best.values.add(isEnd.mul(NEVER)), K);
      const chosen = pick(parents.reshape([-1]), next.indices, C).reshape([B, K]);
      const worst = ops.slice(kept.values, [0, K - 1], [B, 1]);
      const isFull = ops.less(NEVER / 2, worst);
      const length = earlyStopping === 'never' && lengthPenalty > 0 ? ops.scalar(M - 1, 'int32') : turn;
      const hope = ops.slice(next.values, [0, 0], [B, 1]).div(penalty(length));
      const goesOn = ops.choose(isFull, earlyStopping === true ? ops.scalar(0) : ops.cast(ops.less(worst, hope), 'float32'), ops.scalar(1)).mul(open!); // prettier-ignore
      return {
        next: pick(ids.reshape([-1]), next.indices, C),
        parents: chosen.add(ints(count(B).map((group) => group * K), [B, 1])).reshape<Rows>([-1]), // prettier-ignore
        again: anyOpen(goesOn),
        state: [
          pick(grown.reshape([B * C, M]), next.indices, C),
          next.values,
          finishedNow,
          kept.values,
          goesOn,
        ],
      };
    },
    found: ([, , finished, scores]) => ({ tokens: finished!, scores: scores!.reshape([B * K]) }),
  };
}
