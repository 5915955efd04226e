import * as ops from '../engine/ops.ts';
import type {
  Engine,
  FrozenArrays,
  FrozenArray,
  Program,
  ProgramTensors,
  TensorTypes,
} from '../engine/types.ts';
import { addPrefix } from '../support/prefixed-names.ts';
import type { DecoderStates, Past } from '../models/architecture.ts';
import { requireFinite } from '../models/delta/trained-tensors.ts';
import { headWeight, runDecoder, runEncoderDecoder, SOURCE, type ModelUse } from '../models/delta/forward.ts';
import type { Delta } from '../models/method.ts';
import type { BaseModel } from '../models/base-model.ts';

export type TrainedTensors = Readonly<Record<string, { shape: readonly number[]; data: Float32Array }>>;

/** What the programs of one decoding have in common. */
export interface DecodingSetup {
  readonly engine: Engine;
  readonly frozen: FrozenArrays;
  readonly base: BaseModel;
  readonly delta: Delta;
  /** Whether scores are log-probabilities; logits otherwise. */
  readonly normalized: boolean;
}

/** Puts everything on the engine: the base's tensors and the method's, trained ones as they are after training. */
export async function freezeAll(
  engine: Engine,
  base: BaseModel,
  delta: Delta,
  tensors: TrainedTensors,
): Promise<FrozenArrays> {
  for (const name of Object.keys({ ...delta.trained, ...delta.frozen, ...delta.state })) {
    if (!tensors[name]) throw new RangeError(`decoding lacks the method's tensor ${name}`);
  }
  const arrays: Record<string, FrozenArray> = { ...tensors };
  for (const [name, shape] of Object.entries(base.shapes)) {
    if (arrays[name]) continue;
    const data = await base.tensor(name);
    requireFinite(base.id, name, data);
    const location = base.location(name);
    arrays[name] = location ? { shape, data, location } : { shape, data };
  }
  return engine.freeze(arrays);
}

export interface PrefillShape {
  readonly rows: number;
  readonly length: number;
  readonly candidates: number;
}
/**
 * Reads prompts, padded on the right: inputs ids, positions and the context's masks [B·T], `last` [B] the row of each
 * prompt's last token. Outputs `scores` and `ids` [B, candidates] of the next token and `sums` [B], `key <layer>`, `value <layer>` [B·T, kvHeads·h];
 * `key ahead <layer>` and `value ahead <layer>` [l, kvHeads·h] where the method puts something before every prompt.
 */
export function prefillProgram(
  setup: DecodingSetup,
  { rows, length, candidates }: PrefillShape,
): Promise<Program> {
  return setup.engine.compile(
    {
      name: `prompts ${rows}x${length}`,
      frozen: setup.frozen,
      state: {},
      inputs: promptTypes(rows, length),
    },
    (x) => ({ outputs: outputsOf(setup, x, readPrompts(setup, x, rows, length), candidates) }),
  );
}

/** The inputs of prompts, padded on the right. */
export function promptTypes(rows: number, length: number): TensorTypes {
  return { ...tokenTypes(rows * length), last: ints(rows) };
}

function tokenTypes(all: number): TensorTypes {
  const mask = { shape: [all, 1], dtype: 'float32' as const };
  return { ids: ints(all), positions: ints(all), tokens: mask, prompt: mask, fromStart: mask, fromEnd: mask };
}

/** Inside a program: reads the prompts among its inputs; of the hidden states only those of each prompt's last token, [B, d]. */
export function readPrompts(
  setup: DecodingSetup,
  x: ProgramTensors,
  rows: number,
  length: number,
): DecoderStates {
  // No gradient comes back to any place.
  const outputRows = { rows: x.inputs.last!, places: ops.zeros([rows * length], 'int32') };
  return runDecoder(x, useOf(setup, x), { batch: rows, length, outputRows });
}

/**
 * Reads sources, padded on the right, and the decoder's start token: inputs, called `source …`, are ids, positions and the
 * context's masks [B·T], bias [B, 1, 1, T]. Outputs as a prefill's, keys and values of the start token; also what cross
 * attention sees, `source key <layer>`, `source value <layer>` [B·(l + T), H·h] with l virtual tokens first.
 */
export function sourceProgram(
  setup: DecodingSetup,
  { rows, length, candidates }: PrefillShape,
): Promise<Program> {
  return setup.engine.compile(
    {
      name: `sources ${rows}x${length}`,
      frozen: setup.frozen,
      state: {},
      inputs: sourceTypes(rows, length),
    },
    (x) => ({ outputs: outputsOf(setup, x, readSources(setup, x, rows, length), candidates) }),
  );
}

/** The inputs of sources, padded on the right. */
export function sourceTypes(rows: number, length: number): TensorTypes {
  const bias: TensorTypes[string] = { shape: [rows, 1, 1, length], dtype: 'float32' };
  const types = { ...tokenTypes(rows * length), bias };
  return addPrefix(SOURCE, types);
}

/** Inside a program: reads the sources among its inputs, and the decoder's start token; hidden states are that one's. */
export function readSources(
  setup: DecodingSetup,
  x: ProgramTensors,
  rows: number,
  length: number,
): DecoderStates {
  const { architecture, id } = setup.base;
  if (architecture.kind !== 'encoder-decoder') throw new RangeError(`${id} reads no source`);
  // The start token is the decoder's prompt.
  const each = (value: number): ops.Tensor => ops.fill([rows, 1], value);
  const context = { tokens: each(1), prompt: each(1), fromStart: each(0), fromEnd: each(0) };
  const ids = ops.fill([rows], architecture.startToken, 'int32');
  const inside = {
    ...x,
    inputs: { ...x.inputs, ...context, ids, positions: ops.zeros([rows], 'int32') },
  };
  const source = { batch: rows, length, bias: x.inputs[`${SOURCE}bias`]! };
  return runEncoderDecoder(inside, useOf(setup, x), source, { batch: rows, length: 1 });
}

export interface StepShape {
  readonly rows: number;
  /** Slots of the cache. */
  readonly slots: number;
  readonly candidates: number;
  /** Sources that cross attention reads, rows / groups sequences each, and their slots. */
  readonly source?: { readonly groups: number; readonly slots: number };
}
/**
 * One token a row: inputs ids and positions [B], `key <layer>`, `value <layer>` [B, kvHeads, P, h] of the tokens before, bias
 * [B, 1, 1, P]; where there are sources, the same of theirs under `source …`. Outputs as a prefill's, keys and values [B, kvHeads·h] of the new tokens only.
 */
export function stepProgram(
  setup: DecodingSetup,
  { rows, slots, candidates, source }: StepShape,
): Promise<Program> {
  const { layers, kvHeads, headWidth } = setup.base.architecture;
  const places = Array.from({ length: layers }, (_, layer) => layer);
  const cached = (prefix: string, batch: number, length: number): TensorTypes => {
    const cache: TensorTypes[string] = { shape: [batch, kvHeads, length, headWidth], dtype: 'float32' };
    return {
      [`${prefix}bias`]: { shape: [batch, 1, 1, length], dtype: 'float32' },
      ...Object.fromEntries(
        places.flatMap((i) => [
          [`${prefix}key ${i}`, cache],
          [`${prefix}value ${i}`, cache],
        ]),
      ),
    };
  };
  return setup.engine.compile(
    {
      name: `step ${rows} after ${slots}`,
      frozen: setup.frozen,
      state: {},
      inputs: {
        ids: ints(rows),
        positions: ints(rows),
        ...cached('', rows, slots),
        ...(source && cached(SOURCE, source.groups, source.slots)),
      },
      use: 'often',
    },
    (x) => {
      const seen = (prefix: string): Past => ({
        keys: places.map((i) => x.inputs[`${prefix}key ${i}`]!),
        values: places.map((i) => x.inputs[`${prefix}value ${i}`]!),
        bias: x.inputs[`${prefix}bias`]!,
      });
      const past = { ...seen(''), ...(source && { source: seen(SOURCE) }) };
      return { outputs: outputsOf(setup, x, readTokens(setup, x, rows, past), candidates) };
    },
  );
}

/** Inside a program: reads one token a row, its inputs ids and positions [B], behind a past. */
export function readTokens(setup: DecodingSetup, x: ProgramTensors, rows: number, past: Past): DecoderStates {
  // A generated token is a real one outside the prompt.
  const all = (value: number): ops.Tensor => ops.fill([rows, 1], value);
  const context = { tokens: all(1), prompt: all(0), fromStart: all(-1), fromEnd: all(-1) };
  const inside = { ...x, inputs: { ...x.inputs, ...context } };
  return runDecoder(inside, useOf(setup, x), { batch: rows, length: 1, past });
}

const ints = (n: number): TensorTypes[string] => ({ shape: [n], dtype: 'int32' });

function useOf({ base, delta }: DecodingSetup, x: ProgramTensors): ModelUse {
  return { base, delta, tensors: x.frozen, training: false, dropout: false, totalSteps: 1 };
}

function outputsOf(
  setup: DecodingSetup,
  x: ProgramTensors,
  { hidden, keys, values, prefixes, source }: DecoderStates,
  candidates: number,
): Record<string, ops.Tensor> {
  return {
    ...candidatesOf(setup, x, hidden, candidates),
    ...Object.fromEntries(
      prefixes.flatMap(({ key, value }, i) => [
        [`key ahead ${i}`, key],
        [`value ahead ${i}`, value],
      ]),
    ),
    ...Object.fromEntries(keys.map((key, i) => [`key ${i}`, key])),
    ...Object.fromEntries(values.map((value, i) => [`value ${i}`, value])),
    ...Object.fromEntries((source?.keys ?? []).map((key, i) => [`${SOURCE}key ${i}`, key])),
    ...Object.fromEntries((source?.values ?? []).map((value, i) => [`${SOURCE}value ${i}`, value])),
  };
}

/**
 * Inside a program: the best next tokens after hidden states [B, d], `scores` and `ids` [B, count], and `sums` [B], which are
 * not finite where one of a row's logits is not; `forbid` changes the scores [B, V] of those that may not be.
 */
export function candidatesOf(
  setup: DecodingSetup,
  x: ProgramTensors,
  hidden: ops.Tensor,
  count: number,
  forbid?: (logits: ops.Tensor) => ops.Tensor,
): { scores: ops.Tensor; ids: ops.Tensor; sums: ops.Tensor } {
  const logits = ops.linear(hidden, headWeight(x, useOf(setup, x)), undefined, true);
  const top = ops.largest(forbid ? forbid(logits) : logits, count);
  if (!setup.normalized) return { scores: top.values, ids: top.indices, sums: logits.sum(1) };
  // Normalised after the choice: subtracting a row's constant keeps its order.
  const most = ops.slice((forbid ? ops.largest(logits, 1) : top).values, [0, 0], [logits.shape[0], 1]);
  const exponentials = logits.sub(most).exp().sum(1, true);
  const scores = top.values.sub(exponentials.log().add(most));
  return { scores, ids: top.indices, sums: exponentials.reshape([-1]) };
}
