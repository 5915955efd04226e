/**
 * Runs a base's forward pass under a method inside a program: gives the family the base's tensors and the
 * method's edits with their context. Training, decoding and evaluation build their programs on it.
 */
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type { ProgramTensors, Shape } from '../../engine/types.ts';
import type {
  DecoderBatch,
  DecoderStates,
  EncoderBatch,
  EncoderStates,
  ModelTensors,
  OutputRows,
} from '../architecture.ts';
import type { Head } from './heads.ts';
import { linearAt } from '../families/layers.ts';
import type { Context, Tensors } from '../edits.ts';
import type { Delta } from '../method.ts';
import type { BaseModel } from '../base-model.ts';

/** How a program uses a base and a method. */
export interface ModelUse {
  readonly base: BaseModel;
  readonly delta: Delta;
  /** The trained tensors and the method's state, by name. */
  readonly tensors: Tensors;
  readonly training: boolean;
  /** True where the base's own dropout acts while training. */
  readonly dropout: boolean;
  readonly totalSteps: number;
}

/** Runs a base's decoder under a method inside a program; the program's inputs are those of a batch. */
export function runDecoder(
  x: ProgramTensors,
  use: ModelUse,
  batch: Omit<DecoderBatch, 'ids' | 'positions'>,
): DecoderStates {
  const { architecture, id } = use.base;
  if (architecture.kind === 'encoder') throw new RangeError(`${id} is an encoder and generates no text`);
  // Where there is a past, the cache holds the virtual tokens; an encoder-decoder has them in its encoder.
  const virtual = batch.past || architecture.kind === 'encoder-decoder' ? 0 : (use.delta.promptLength ?? 0);
  const model = modelTensors(x, use, 'decoder', virtual);
  return architecture.decode(model, { ...batch, ids: x.inputs.ids!, positions: x.inputs.positions! });
}

/** Runs a base's encoder under a method inside a program; the program's inputs are those of a batch. */
export function runEncoder(
  x: ProgramTensors,
  use: ModelUse,
  batch: Omit<EncoderBatch, 'ids' | 'positions' | 'tokenTypes'>,
): EncoderStates {
  const { architecture, id } = use.base;
  if (architecture.kind === 'decoder') throw new RangeError(`${id} is a decoder and has no encoder`);
  const model = modelTensors(x, use, 'encoder', batch.batch * (use.delta.promptLength ?? 0));
  const { ids, positions, tokenTypes } = x.inputs;
  return architecture.encode(model, {
    ...batch,
    ids: ids!,
    positions: positions!,
    ...(tokenTypes && { tokenTypes }),
  });
}

/**
 * What an encoder and a head make of each sequence, [B, outputs]. Inputs of the program are `pool` [B, N], or
 * where the head reads first tokens `firstRows` [B] and `firstPlaces` [N].
 */
export function runClassifier(
  x: ProgramTensors,
  use: ModelUse,
  head: Head,
  batch: Parameters<typeof runEncoder>[2],
): Tensor {
  const { pool, firstRows, firstPlaces } = x.inputs;
  // Where a method puts virtual tokens before the input, the first token is one of these.
  const first = head.pooling === 'first' && !use.delta.promptLength;
  const outputRows = first ? { rows: firstRows!, places: firstPlaces! } : undefined;
  const { hidden, virtual } = runEncoder(x, use, { ...batch, ...(outputRows && { outputRows }) });
  const pooled = first
    ? hidden
    : head.pooling === 'first'
      ? firstOfEach(virtual!, batch.batch)
      : ops.matMul(pool!, hidden);
  const weight = (name: string): Tensor => use.tensors[name] ?? x.frozen[name]!;
  return head.apply(
    pooled,
    (module, y) => {
      const site = use.base.sites.find(({ name }) => name === module);
      // A method may act on the base's pooler only, since the head's other modules are no sites.
      return site
        ? linearAt(modelTensors(x, use, 'encoder', 0, outputRows), site, true, y)
        : ops.linear(y, weight(`${module}.weight`), weight(`${module}.bias`), true);
    },
    (y, name) =>
      use.training && head.dropout > 0
        ? y.mul(x.random({ kind: 'dropout', rate: head.dropout, name, shape: y.shape }))
        : y,
  );
}

/** The first of each sequence's l rows: [B·l, d] → [B, d]. */
function firstOfEach(rows: Tensor, batch: number): Tensor {
  const [length, width] = [rows.shape[0] / batch, rows.shape[1]!];
  return ops
    .slice(rows.reshape([batch, length, width]), [0, 0, 0], [batch, 1, width])
    .reshape([batch, width]);
}

/**
 * Begins the names of an encoder-decoder's inputs for its source; the rest is the name of an encoder's input.
 */
export const SOURCE = 'source ';

/**
 * Runs a base's encoder on the source and its decoder, which reads it, on the target; `crossBias` [B, 1, T,
 * T'] says which of it each token reads, all where absent.
 */
export function runEncoderDecoder(
  x: ProgramTensors,
  use: ModelUse,
  source: Parameters<typeof runEncoder>[2],
  target: Parameters<typeof runDecoder>[2],
  crossBias = source.bias,
): DecoderStates {
  const named = Object.entries(x.inputs)
    .filter(([name]) => name.startsWith(SOURCE))
    .map(([name, tensor]) => [name.slice(SOURCE.length), tensor] as const);
  const inputs = { ...(x.inputs.step && { step: x.inputs.step }), ...Object.fromEntries(named) };
  const states = runEncoder({ ...x, inputs }, use, source);
  return runDecoder(x, use, { ...target, source: { ...source, bias: crossBias, states } });
}

/**
 * The base's tensors, the method's edits and their context. `virtual`: how many rows of virtual tokens follow
 * those of the batch. `outputRows`: if given, activations hold these rows alone.
 */
function modelTensors(
  x: ProgramTensors,
  use: ModelUse,
  stack: Context['stack'],
  virtual: number,
  outputRows?: OutputRows,
): ModelTensors {
  const { delta, tensors, training, dropout, totalSteps } = use;
  const maskOf = (name: 'tokens' | 'prompt' | 'fromStart' | 'fromEnd', ofVirtual: number): Tensor => {
    const mask = x.inputs[name]!;
    if (outputRows) return ops.gather(mask, outputRows.rows);
    return virtual > 0 ? ops.concat([mask, ops.fill([virtual, 1], ofVirtual)], 0) : mask;
  };
  // Requests share the states of equal beginnings of prompts unless a method declares that it reads where
  // prompts end.
  const promptMaskOf = (name: 'prompt' | 'fromStart' | 'fromEnd', ofVirtual: number): Tensor => {
    if (delta.readsPrompt) return maskOf(name, ofVirtual);
    throw new Error(`a method whose edits read the context's ${name} must attach with readsPrompt: true`);
  };
  const context: Context = {
    training,
    stack,
    totalSteps,
    dropout: (y, rate, name) => {
      const mask = context.dropoutMask(y.shape, rate, name);
      return mask ? y.mul(mask) : y;
    },
    dropoutMask: (shape: Shape, rate, name) =>
      training && rate > 0
        ? x.random({ kind: 'dropout', rate, name, shape, tail: shape.length === 2 ? virtual : 0 })
        : undefined,
    step: x.inputs.step ?? ops.scalar(0),
    // Virtual tokens count as real tokens outside the prompt.
    tokens: maskOf('tokens', 1),
    get prompt() {
      return promptMaskOf('prompt', 0);
    },
    get fromStart() {
      return promptMaskOf('fromStart', -1);
    },
    get fromEnd() {
      return promptMaskOf('fromEnd', -1);
    },
  };
  const own = Object.fromEntries(Object.keys(delta.frozen ?? {}).map((name) => [name, x.frozen[name]!]));
  return {
    weight: (name): Tensor => tensors[name] ?? x.frozen[name]!,
    edits: delta.edits?.({ ...own, ...tensors }, context) ?? {},
    context,
    dropout: training && dropout,
    only: (rows) => modelTensors(x, use, stack, 0, rows),
  };
}

/** The output weight [V, d], trained or not. */
export function headWeight(x: ProgramTensors, { base, tensors }: ModelUse): Tensor {
  const { architecture, id } = base;
  if (architecture.kind === 'encoder') throw new RangeError(`${id} is an encoder and predicts no tokens`);
  return tensors[architecture.head] ?? x.frozen[architecture.head]!;
}
