/**
 * The programs of generation: one reads prompts, one reads sources, one decodes a token a row; and their
 * pieces, which in-graph/ puts into a loop. They know keys, values and candidates, but no search.
 */
import * as ops from '../engine/ops.ts';
import type {
  Engine,
  FrozenArrays,
  FrozenArray,
  Program,
  ProgramTensors,
  TensorTypes,
} from '../engine/types.ts';
import { NotFinite, UsageError } from '../support/errors.ts';
import { addPrefix } from '../support/prefixed-names.ts';
import { type DecoderBatch, type DecoderStates, heldShapes, type Past } from '../models/architecture.ts';
import { countFrom } from '../models/families/parts/distances.ts';
import { derivedArrays, frozenArray } from '../models/delta/trained-tensors.ts';
import { outputHead, runDecoder, runEncoderDecoder, SOURCE, type ModelUse } from '../models/delta/forward.ts';
import type { Delta } from '../models/method.ts';
import type { BaseModel } from '../models/base-model.ts';

export type TrainedTensors = Readonly<Record<string, { shape: readonly number[]; data: Float32Array }>>;

/** A model whose tensors an engine holds, so that several programs may read with it. */
export interface LoadedModel {
  readonly engine: Engine;
  readonly base: BaseModel;
  readonly delta: Delta;
  /** The tensors of base and method, from `freezeAll`; the caller disposes of them. */
  readonly frozen: FrozenArrays;
}

/** What the programs of one generation have in common. */
export interface DecodingSetup extends LoadedModel {
  /** Whether scores are log-probabilities; otherwise they are logits. */
  readonly normalized: boolean;
}

/** Freezes the base's tensors and the method's on the engine; `tensors` replaces those that were trained. */
export async function freezeAll(
  engine: Engine,
  base: BaseModel,
  delta: Delta,
  tensors: TrainedTensors,
): Promise<FrozenArrays> {
  for (const name of Object.keys({ ...delta.trained, ...delta.frozen, ...delta.state })) {
    if (!tensors[name]) throw new RangeError(`decoding lacks the method's tensor ${name}`);
  }
  const arrays: Record<string, FrozenArray> = { ...tensors, ...(await derivedArrays(base, delta)) };
  for (const name of Object.keys(heldShapes(base.architecture, base.shapes)))
    arrays[name] ??= await frozenArray(base, name);
  return engine.freeze(arrays);
}

/**
 * `freezeAll` for commands that only score a base: throws UsageError where its weights are not finite. A run
 * records such a failure instead.
 */
export async function freezeToScore(...given: Parameters<typeof freezeAll>): Promise<FrozenArrays> {
  try {
    return await freezeAll(...given);
  } catch (error) {
    throw error instanceof NotFinite
      ? new UsageError(`${error.message}; get the checkpoint again.`, { cause: error })
      : error;
  }
}

/** The sizes of a program that reads prompts. */
export interface PrefillShape {
  readonly rows: number;
  readonly length: number;
  readonly candidates: number;
}
/**
 * Compiles the program that reads prompts, padded on the right. Inputs: ids, positions and the context's
 * masks [B·T]; `last` [B], the row of each prompt's last token. Outputs: `scores` and `ids` [B, candidates]
 * of the next token; `sums` [B]; `key <layer>`, `value <layer>` [B·T, kvHeads·h]; where the method has a
 * prefix of l tokens, `prefix key <layer>` and `prefix value <layer>` [l, kvHeads·h].
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

/**
 * Queries whose attention is computed at once on the CPU: scores of more would leave its caches, and those
 * after the own position would be computed in vain.
 */
const QUERIES = 256;
/** The option of a decoder's batch for an engine; a GPU computes all queries at once. */
export const queriesAtOnce = ({ device }: Engine): Pick<DecoderBatch, 'queriesAtOnce'> =>
  device === 'cpu' ? { queriesAtOnce: QUERIES } : {};

/** The inputs of prompts, padded on the right. */
export function promptTypes(rows: number, length: number): TensorTypes {
  return { ...tokenTypes(rows * length), last: ints(rows) };
}

function tokenTypes(all: number): TensorTypes {
  const mask = { shape: [all, 1], dtype: 'float32' as const };
  return { ids: ints(all), positions: ints(all), tokens: mask, prompt: mask, fromStart: mask, fromEnd: mask };
}

/**
 * Inside a program: reads the prompts among its inputs. Hidden states are those of each prompt's last token,
 * [B, d].
 */
export function readPrompts(
  setup: DecodingSetup,
  x: ProgramTensors,
  rows: number,
  length: number,
): DecoderStates {
  // Nothing is differentiated: no gradient comes back to any place.
  const outputRows = { rows: x.inputs.last!, places: ops.zeros([rows * length], 'int32') };
  const pieces = length > QUERIES ? queriesAtOnce(setup.engine) : {};
  return runDecoder(x, useOf(setup, x), { batch: rows, length, outputRows, ...pieces });
}

/**
 * Compiles the program that reads sources, padded on the right, and the decoder's start token. Inputs, named
 * `source …`: ids, positions and the context's masks [B·T], bias [B, 1, 1, T]. Outputs are those of a
 * prefill, keys and values of the start token; and for cross attention `source key <layer>`, `source value
 * <layer>` [B·(l + T), H·h] with l virtual tokens first.
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

/**
 * Inside a program: reads the sources among its inputs and the decoder's start token, whose hidden states it
 * returns.
 */
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

/** The sizes of a program that decodes one token a row. */
export interface StepShape {
  readonly rows: number;
  /** Slots of the cache. */
  readonly slots: number;
  readonly candidates: number;
  /** The prompts that all rows of a group have in common: the number of groups, and the slots of a prompt. */
  readonly prompt?: GroupCache;
  /** Of the sources that cross attention reads, one for each group of rows. */
  readonly source?: GroupCache;
}
/** The sizes of a cache with a row for each group of rows. */
interface GroupCache {
  readonly groups: number;
  readonly slots: number;
}
/** The prefix of the names of a step's inputs that hold the prompts of groups. */
export const PROMPT = 'prompt ';
/**
 * Compiles the program that decodes one token a row. Inputs: ids and positions [B]; of the preceding tokens
 * `key <layer>`, `value <layer>` [B, kvHeads, P, h] and bias [B, 1, 1, P]; of prompts and sources the same
 * under `prompt …` and `source …`; where there are prompts, `first` [B], the position of slot 0. Outputs are
 * those of a prefill, keys and values [B, kvHeads·h] of the new tokens only.
 */
export function stepProgram(
  setup: DecodingSetup,
  { rows, slots, candidates, prompt, source }: StepShape,
): Promise<Program> {
  const { layers, kvHeads, headWidth } = setup.base.architecture;
  const eachLayer = Array.from({ length: layers }, (_, layer) => layer);
  const cached = (prefix: string, batch: number, length: number): TensorTypes => {
    const cache: TensorTypes[string] = { shape: [batch, kvHeads, length, headWidth], dtype: 'float32' };
    return {
      [`${prefix}bias`]: { shape: [batch, 1, 1, length], dtype: 'float32' },
      ...Object.fromEntries(
        eachLayer.flatMap((i) => [
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
        ...(prompt && { first: ints(rows), ...cached(PROMPT, prompt.groups, prompt.slots) }),
        ...(source && cached(SOURCE, source.groups, source.slots)),
      },
      use: 'often',
    },
    (x) => {
      const seen = (prefix: string): Past => ({
        keys: eachLayer.map((i) => x.inputs[`${prefix}key ${i}`]!),
        values: eachLayer.map((i) => x.inputs[`${prefix}value ${i}`]!),
        bias: x.inputs[`${prefix}bias`]!,
      });
      const places = (): ops.Tensor => placesFrom(x.inputs.first!, slots);
      const past = {
        ...seen(''),
        ...(prompt && { prompt: seen(PROMPT), places }),
        ...(source && { source: seen(SOURCE) }),
      };
      return { outputs: outputsOf(setup, x, readTokens(setup, x, rows, past), candidates) };
    },
  );
}

/** The positions of the tokens in successive slots, [B, 1, 1, P] float32, where slot 0 holds `first` [B]. */
export function placesFrom(first: ops.Tensor, slots: number): ops.Tensor {
  return first
    .cast('float32')
    .reshape([-1, 1, 1, 1])
    .add(countFrom(0, [1, 1, 1, slots]));
}

/** Inside a program: reads one token a row after its past; inputs are ids and positions [B]. */
export function readTokens(setup: DecodingSetup, x: ProgramTensors, rows: number, past: Past): DecoderStates {
  // Generated tokens are real ones outside the prompt.
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
        [`prefix key ${i}`, key],
        [`prefix value ${i}`, value],
      ]),
    ),
    ...Object.fromEntries(keys.map((key, i) => [`key ${i}`, key])),
    ...Object.fromEntries(values.map((value, i) => [`value ${i}`, value])),
    ...Object.fromEntries((source?.keys ?? []).map((key, i) => [`${SOURCE}key ${i}`, key])),
    ...Object.fromEntries((source?.values ?? []).map((value, i) => [`${SOURCE}value ${i}`, value])),
  };
}

/**
 * Inside a program: the best next tokens after hidden states [B, d]. `scores` and `ids` are [B, count]; a
 * row's `sums` [B] is not finite where one of its logits is not. `forbid` lowers the logits [B, V] of tokens
 * that must not be chosen.
 */
export function candidatesOf(
  setup: DecodingSetup,
  x: ProgramTensors,
  hidden: ops.Tensor,
  count: number,
  forbid?: (logits: ops.Tensor) => ops.Tensor,
): { scores: ops.Tensor; ids: ops.Tensor; sums: ops.Tensor } {
  const logits = outputHead(x, useOf(setup, x)).scores(hidden);
  const top = ops.largest(forbid ? forbid(logits) : logits, count);
  if (!setup.normalized) return { scores: top.values, ids: top.indices, sums: logits.sum(1) };
  // Scores are normalised after the choice: subtracting a constant from a row keeps its order.
  const most = ops.slice((forbid ? ops.largest(logits, 1) : top).values, [0, 0], [logits.shape[0], 1]);
  const exponentials = logits.sub(most).exp().sum(1, true);
  const scores = top.values.sub(exponentials.log().add(most));
  return { scores, ids: top.indices, sums: exponentials.reshape([-1]) };
}
