import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type { NamedArrays, Program, ProgramTensors, TensorTypes } from '../../engine/types.ts';
import type { DecoderStates, Past } from '../../models/architecture.ts';
import { MASKED } from '../../models/families/layers.ts';
import { SOURCE } from '../../models/delta/forward.ts';
import { NEVER, type Hypothesis } from '../on-host/beam.ts';
import { checkSum } from '../candidates.ts';
import { forbid, NONE, type History } from './forbid-tokens.ts';
import { aheadOfPrompt, paddedLength, promptInputs, readLength, sourceInputs } from '../prompt-inputs.ts';
import {
  candidatesOf,
  promptTypes,
  readPrompts,
  readSources,
  readTokens,
  sourceTypes,
  type DecodingSetup,
} from '../programs.ts';
import { countTo, groupOf } from './row-numbers.ts';
import { beamSearch, greedySearch, type SearchRules, type SearchShape } from './tensor-search.ts';

// A search inside one program, as a loop over tokens: on a device with a memory of its own the cache would else cross the bus
// for each token.

/** Searches for continuations, `together` prompts at a time; the setup's scores are normalised where there are beams. */
export class GraphSearch {
  readonly #setup: DecodingSetup;
  readonly #rules: SearchRules;
  readonly #together: number;
  readonly #programs = new Map<string, Promise<Program>>();
  readonly #state;

  constructor(setup: DecodingSetup, rules: SearchRules, together: number) {
    this.#setup = setup;
    this.#rules = rules;
    this.#together = together;
    this.#state = setup.engine.state({});
  }

  /**
   * What the search finds for each prompt, best first; `together` prompts at most. A history is what the choice takes for the
   * tokens before the new ones.
   */
  async run(
    prompts: readonly (readonly number[])[],
    histories: readonly (readonly number[])[],
  ): Promise<Hypothesis[][]> {
    const length = readLength(this.#setup, prompts);
    const rows = this.#together;
    const isSource = this.#setup.base.architecture.kind === 'encoder-decoder';
    const ends = new Int32Array(rows);
    const open = new Float32Array(rows);
    prompts.forEach((prompt, row) => {
      ends[row] = aheadOfPrompt(this.#setup) + (isSource ? 1 : prompt.length);
      open[row] = 1;
    });
    const read = isSource ? sourceInputs(prompts, rows, length) : promptInputs(prompts, rows, length);
    const width = paddedLength(Math.max(...histories.map((history) => history.length)));
    const history = new Int32Array(rows * width).fill(NONE);
    const historyEnds = new Int32Array(rows);
    histories.forEach((tokens, row) => {
      history.set(tokens, row * width);
      historyEnds[row] = tokens.length;
    });
    const program = await this.#program(length, width);
    const out = await program.run(this.#state, { ...read, ends, open, history, historyEnds });
    return prompts.map((_, row) => hypothesesOf(out, row, this.#rules));
  }

  async dispose(): Promise<void> {
    for (const program of this.#programs.values()) await (await program).dispose();
    this.#state.dispose();
  }

  #program(length: number, history: number): Promise<Program> {
    const key = `${length}/${history}`;
    const known = this.#programs.get(key);
    const shape = { ...this.#rules, prompts: this.#together, length, history };
    const program = known ?? searchProgram(this.#setup, shape);
    this.#programs.set(key, program);
    return program;
  }
}

function hypothesesOf(
  { tokens, scores, sums }: NamedArrays,
  row: number,
  { beams, maxNewTokens }: SearchRules,
): Hypothesis[] {
  const places = Array.from({ length: beams }, (_, beam) => row * beams + beam);
  for (const at of places) checkSum(sums![at]!);
  return places
    .filter((at) => scores![at]! > NEVER / 2)
    .map((at) => {
      const all = [...tokens!.subarray(at * maxNewTokens, (at + 1) * maxNewTokens)];
      const end = all.indexOf(NONE);
      return { tokens: end < 0 ? all : all.slice(0, end), score: scores![at]! };
    });
}

/**
 * Inputs: those of prompts or sources; `ends` [B], tokens that stand in the decoder's cache before the first new one;
 * `open` [B], 1 where a row has a prompt; `history` [B, L], NONE behind `historyEnds` [B] tokens. Outputs: `tokens` [B·K, M] of K sequences each, best first, NONE behind their ends;
 * `scores` [B·K], NEVER where there is no such sequence; `sums` [B·K], not finite where logits were not.
 */
function searchProgram(setup: DecodingSetup, shape: SearchShape): Promise<Program> {
  const { prompts, length, beams, maxNewTokens } = shape;
  const { architecture } = setup.base;
  const isSource = architecture.kind === 'encoder-decoder';
  const types: TensorTypes = {
    ...(isSource ? sourceTypes(prompts, length) : promptTypes(prompts, length)),
    ends: { shape: [prompts], dtype: 'int32' },
    open: { shape: [prompts], dtype: 'float32' },
    history: { shape: [prompts, shape.history], dtype: 'int32' },
    historyEnds: { shape: [prompts], dtype: 'int32' },
  };
  return setup.engine.compile(
    {
      name: `search ${prompts}x${length}, ${beams} beams, ${maxNewTokens} tokens`,
      frozen: setup.frozen,
      state: {},
      inputs: types,
      use: 'often',
    },
    (x) => {
      const search = beams === 1 ? greedySearch(shape) : beamSearch(shape);
      const states = isSource
        ? readSources(setup, x, prompts, length)
        : readPrompts(setup, x, prompts, length);
      const repeat = (y: Tensor): Tensor => ops.gather(y, groupOf(prompts, beams));
      const cache = cacheOf(setup, x, states, shape);
      const ends = repeat(x.inputs.ends!);
      const isForbidding = shape.noRepeatNgram > 0 || shape.minNewTokens > 0;
      const candidates = (hidden: Tensor, history: History, made: Tensor) => {
        const allowed = isForbidding ? (logits: Tensor) => forbid(logits, history, made, shape) : undefined;
        return candidatesOf(setup, x, hidden, search.candidates, allowed);
      };
      const read: History = { tokens: x.inputs.history!, ends: x.inputs.historyEnds! };
      const first = candidates(states.hidden, read, ops.scalar(0, 'int32'));
      const room = ops.pad(
        read.tokens,
        [
          [0, 0],
          [0, maxNewTokens],
        ],
        NONE,
      );
      const historyEnds = repeat(read.ends);
      const moved = [room, ...cache.keys, ...cache.values].map(repeat);
      const [, , sums, ...rest] = ops.loop(
        maxNewTokens,
        [...[first.ids, first.scores, first.sums].map(repeat), ...moved, ...search.start(x.inputs.open!)],
        (turn, [ids, scores, sums, ...others]) => {
          const { next, parents, again, state } = search.choose(
            turn,
            { ids: ids!, scores: scores! },
            others.slice(moved.length),
          );
          // What beams go on from others' rows.
          const [history, ...past] = others
            .slice(0, moved.length)
            .map((y) => (parents ? ops.gather(y, parents) : y)) as [Tensor, ...Tensor[]];
          const seen: Past = {
            keys: past.slice(0, cache.keys.length),
            values: past.slice(cache.keys.length),
            bias: cache.bias(turn),
            ...(cache.source && { source: cache.source }),
          };
          const inside = { ...x, inputs: { ids: next, positions: ends.add(turn) } };
          const made = readTokens(setup, inside, prompts * beams, seen);
          const known = withToken({ tokens: history, ends: historyEnds.add(turn) }, next);
          const now = candidates(made.hidden, known, turn.add(ops.scalar(1, 'int32')));
          const grown = [...made.keys, ...made.values].map((y, i) => cache.put(past[i]!, y, turn));
          // Once not finite, for ever not finite.
          const total = sums!.add(now.sums);
          return { again, carried: [now.ids, now.scores, total, known.tokens, ...grown, ...state] };
        },
      );
      return { outputs: { ...search.found(rest.slice(moved.length)), sums: sums! } };
    },
  );
}

/** A history with one more token a row. */
function withToken({ tokens, ends }: History, next: Tensor): History {
  const [rows, length] = tokens.shape as [number, number];
  const isEnd = ops.equal(countTo([1, length]), ends.reshape([rows, 1]));
  return {
    tokens: ops.choose(isEnd, next.reshape([rows, 1]), tokens),
    ends: ends.add(ops.scalar(1, 'int32')),
  };
}

/** A cache with room for the new tokens behind the padded prompts. */
function cacheOf(
  { base }: DecodingSetup,
  x: ProgramTensors,
  { keys, values, prefixes, source }: DecoderStates,
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
  const before = prefixes[0]?.key.shape[0] ?? 0;
  const read = before + (isSource ? 1 : length);
  const slots = read + maxNewTokens;
  const whole = (own: Tensor, shared: Tensor | undefined): Tensor => {
    const each = perHead(own, prompts);
    const read = shared ? ops.concat([ops.tile(perHead(shared, 1), [prompts, 1, 1, 1]), each], 2) : each;
    return ops.pad(read, [
      [0, 0],
      [0, 0],
      [0, maxNewTokens],
      [0, 0],
    ]);
  };
  /** The turn whose token a slot is for; negative ones are read before. */
  const turnOf = (shape: number[]): Tensor => countTo(shape).sub(ops.scalar(read, 'int32'));
  // What of the prompts' slots is padding: [B·K, 1, 1, P].
  const own = isSource
    ? ops.zeros([prompts, 1])
    : ops.sub(1, x.inputs.tokens!.reshape([prompts, length])).mul(MASKED);
  const padding = ops
    .pad(own, [
      [0, 0],
      [before, maxNewTokens],
    ])
    .reshape([prompts, 1, 1, slots]);
  const repeated = ops.gather(padding, groupOf(prompts, beams));
  const seenSource = source && {
    keys: source.keys.map((y) => perHead(y, prompts)),
    values: source.values.map((y) => perHead(y, prompts)),
    bias: behindVirtual(x.inputs[`${SOURCE}bias`]!, source.keys[0]!.shape[0] / prompts),
  };
  return {
    keys: keys.map((y, i) => whole(y, prefixes[i]?.key)),
    values: values.map((y, i) => whole(y, prefixes[i]?.value)),
    ...(seenSource && { source: seenSource }),
    bias: (turn) =>
      repeated.add(ops.choose(ops.less(turnOf([1, 1, 1, slots]), turn), ops.scalar(0), ops.scalar(MASKED))),
    put: (cached, made, turn) =>
      ops.choose(ops.equal(turnOf([1, 1, slots, 1]), turn), perHead(made, prompts * beams), cached),
  };
}

/** A source's bias [B, 1, 1, T] with as many visible slots before it as make `length`. */
const behindVirtual = (bias: Tensor, length: number): Tensor => {
  const [batch, , , own] = bias.shape as [number, number, number, number];
  return length === own ? bias : ops.concat([ops.zeros([batch, 1, 1, length - own]), bias], 3);
};
