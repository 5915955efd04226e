/**
 * A search inside one program, as a loop over tokens. On a device with a memory of its own the key-value
 * cache would otherwise cross the bus for each token. generate.ts uses it on such devices; the search itself
 * is in tensor-search.ts.
 */
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type { NamedArrays, Program, ProgramTensors, TensorTypes } from '../../engine/types.ts';
import type { DecoderStates, Past } from '../../models/architecture.ts';
import { MASKED } from '../../models/families/parts/layers.ts';
import { SOURCE } from '../../models/delta/forward.ts';
import { NEVER, type Hypothesis } from '../on-host/beam.ts';
import { checkSum } from '../candidates.ts';
import { forbid, hasRules, NONE, type History } from './forbid-tokens.ts';
import {
  cachedBeforePrompt,
  paddedLength,
  promptInputs,
  readLength,
  sourceInputs,
} from '../prompt-inputs.ts';
import {
  candidatesOf,
  placesFrom,
  promptTypes,
  readPrompts,
  readSources,
  readTokens,
  sourceTypes,
  type DecodingSetup,
} from '../programs.ts';
import { countTo, groupOf } from './row-numbers.ts';
import { beamSearch, greedySearch, type SearchRules, type SearchShape } from './tensor-search.ts';

/**
 * Searches for continuations of `together` prompts at a time. The setup normalises scores where there are
 * beams.
 */
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
   * The sequences that the search finds for each prompt, best first. Takes at most `together` prompts; their
   * histories are the tokens that n-gram rules see before the new ones.
   */
  async run(
    prompts: readonly (readonly number[])[],
    histories: readonly (readonly number[])[],
  ): Promise<Hypothesis[][]> {
    const length = readLength(this.#setup, prompts);
    const rows = this.#together;
    const isSource = readsSource(this.#setup);
    const ends = new Int32Array(rows);
    const open = new Float32Array(rows);
    prompts.forEach((prompt, row) => {
      ends[row] = cachedBeforePrompt(this.#setup) + (isSource ? 1 : prompt.length);
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

/** Whether prompts are sources that an encoder reads. */
const readsSource = ({ base }: DecodingSetup): boolean => base.architecture.kind === 'encoder-decoder';

/** The sequences of one prompt among a program's outputs; throws NotFinite where logits were not finite. */
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
 * Compiles the program of a whole search. Inputs: those of prompts or sources; `ends` [B], the tokens in the
 * decoder's cache before the first new one; `open` [B], 1 where a row has a prompt; `history` [B, L], NONE
 * after its `historyEnds` [B] tokens. Outputs: `tokens` [B·K, M] of K sequences a prompt, best first, NONE
 * after their ends; `scores` [B·K], NEVER where there is no such sequence; `sums` [B·K], not finite where
 * logits were not.
 */
function searchProgram(setup: DecodingSetup, shape: SearchShape): Promise<Program> {
  const { prompts, length, beams, maxNewTokens } = shape;
  const types: TensorTypes = {
    ...(readsSource(setup) ? sourceTypes(prompts, length) : promptTypes(prompts, length)),
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
    (x) => ({ outputs: searchOutputs(setup, shape, x) }),
  );
}

/** Inside a program: reads the prompts, then chooses and reads a token a turn until every search has ended. */
function searchOutputs(setup: DecodingSetup, shape: SearchShape, x: ProgramTensors): Record<string, Tensor> {
  const { prompts, length, beams, maxNewTokens } = shape;
  const search = beams === 1 ? greedySearch(shape) : beamSearch(shape);
  const states = readsSource(setup)
    ? readSources(setup, x, prompts, length)
    : readPrompts(setup, x, prompts, length);
  const repeat = (y: Tensor): Tensor => ops.gather(y, groupOf(prompts, beams));
  const cache = cacheOf(setup, x, states, shape);
  const ends = repeat(x.inputs.ends!);
  const candidates = (hidden: Tensor, history: History, generated: Tensor) => {
    const allowed = hasRules(shape)
      ? (logits: Tensor) => forbid(logits, history, generated, shape)
      : undefined;
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
  const [, , sums, ...carried] = ops.loop(
    maxNewTokens,
    [...[first.ids, first.scores, first.sums].map(repeat), ...moved, ...search.start(x.inputs.open!)],
    (turn, [ids, scores, sums, ...others]) => {
      const { next, parents, again, state } = search.choose(
        turn,
        { ids: ids!, scores: scores! },
        others.slice(moved.length),
      );
      // Beams that continue another beam take its history and cache.
      const [history, ...past] = others
        .slice(0, moved.length)
        .map((y) => (parents ? ops.gather(y, parents) : y)) as [Tensor, ...Tensor[]];
      const seen: Past = {
        keys: past.slice(0, cache.keys.length),
        values: past.slice(cache.keys.length),
        bias: cache.bias(turn),
        places: () => placesFrom(ends, maxNewTokens),
        ...cache.common,
      };
      const inside = { ...x, inputs: { ids: next, positions: ends.add(turn) } };
      const states = readTokens(setup, inside, prompts * beams, seen);
      const known = withToken({ tokens: history, ends: historyEnds.add(turn) }, next);
      const now = candidates(states.hidden, known, turn.add(ops.scalar(1, 'int32')));
      const grown = [...states.keys, ...states.values].map((y, i) => cache.put(past[i]!, y, turn));
      // Sums add up over steps: one that is not finite stays so.
      const total = sums!.add(now.sums);
      return { again, carried: [now.ids, now.scores, total, known.tokens, ...grown, ...state] };
    },
  );
  return { ...search.found(carried.slice(moved.length)), sums: sums! };
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

/**
 * The key-value cache: slots for what each beam has of its own, and once for all beams of a prompt what they only
 * read. A decoder's prompt is such, and of an encoder-decoder the source.
 */
function cacheOf(
  { base }: DecodingSetup,
  x: ProgramTensors,
  { keys, values, prefixes, source }: DecoderStates,
  { prompts, length, beams, maxNewTokens }: SearchShape,
): {
  /** [B, H, P, h] each */
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
  /** What beams only read. */
  readonly common: Pick<Past, 'prompt' | 'source'>;
  /** [1, 1, 1, P] before the turn's token. */
  bias(turn: Tensor): Tensor;
  /** Puts a turn's keys or values [B·K, H·h] into a cache [B·K, H, P, h]. */
  put(cached: Tensor, tokens: Tensor, turn: Tensor): Tensor;
} {
  const { kvHeads: heads, headWidth } = base.architecture;
  const perHead = (y: Tensor, rows: number): Tensor =>
    y.reshape([rows, -1, heads, headWidth]).transpose([0, 2, 1, 3]);
  const withPrefix = (own: Tensor, shared: Tensor | undefined): Tensor => {
    const each = perHead(own, prompts);
    return shared ? ops.concat([ops.tile(perHead(shared, 1), [prompts, 1, 1, 1]), each], 2) : each;
  };
  const read = {
    keys: keys.map((y, i) => withPrefix(y, prefixes[i]?.key)),
    values: values.map((y, i) => withPrefix(y, prefixes[i]?.value)),
  };
  // An encoder-decoder has read its start token alone, which is in every beam's slots.
  const before = source ? read.keys[0]!.shape[2]! : 0;
  const slots = before + maxNewTokens;
  const own = (y: Tensor): Tensor =>
    source ? padAt(y, 2, [0, maxNewTokens]) : ops.zeros([prompts, heads, slots, headWidth]);
  /** The turn whose token fills a slot; negative for those that were filled before. */
  const turnOf = (shape: number[]): Tensor => countTo(shape).sub(ops.scalar(before, 'int32'));
  return {
    keys: read.keys.map(own),
    values: read.values.map(own),
    common: source ? { source: sourceOf(source) } : { prompt: { ...read, bias: promptBias() } },
    bias: (turn) => ops.choose(ops.less(turnOf([1, 1, 1, slots]), turn), ops.scalar(0), ops.scalar(MASKED)),
    put: (cached, tokens, turn) =>
      ops.choose(ops.equal(turnOf([1, 1, slots, 1]), turn), perHead(tokens, prompts * beams), cached),
  };

  /** MASKED in the slots that the prompts' padding fills: [B, 1, 1, P]. */
  function promptBias(): Tensor {
    const padding = ops.sub(1, x.inputs.tokens!.reshape([prompts, length])).mul(MASKED);
    const whole = padAt(padding, 1, [read.keys[0]!.shape[2]! - length, 0]);
    return whole.reshape([prompts, 1, 1, -1]);
  }

  function sourceOf({ keys, values }: NonNullable<DecoderStates['source']>): Past {
    return {
      keys: keys.map((y) => perHead(y, prompts)),
      values: values.map((y) => perHead(y, prompts)),
      bias: afterVirtual(x.inputs[`${SOURCE}bias`]!, keys[0]!.shape[0] / prompts),
    };
  }
}

/** Zeros before and after a tensor's values along one axis. */
const padAt = (y: Tensor, axis: number, widths: [before: number, after: number]): Tensor =>
  ops.pad(
    y,
    y.shape.map((_, i): [number, number] => (i === axis ? widths : [0, 0])),
  );

/** A source's bias [B, 1, 1, T], preceded by visible slots of virtual tokens up to `length` slots. */
const afterVirtual = (bias: Tensor, length: number): Tensor => {
  const [batch, , , own] = bias.shape as [number, number, number, number];
  return length === own ? bias : ops.concat([ops.zeros([batch, 1, 1, length - own]), bias], 3);
};
