/**
 * Runs a base's forward pass under a method inside a program: gives the model family the base's tensors, the
 * method's edits and their context. The programs of training, decoding and evaluation are built on it.
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
import { capSoftly, linearAt } from '../families/parts/layers.ts';
import type { Context, Edits, Tensors } from '../edits.ts';
import type { Delta } from '../method.ts';
import type { BaseModel } from '../base-model.ts';

/** The prefix of an encoder-decoder's inputs that belong to its encoder. */
export const SOURCE = 'source ';

/** A base and a method as a program uses them. */
export interface ModelUse {
  readonly base: BaseModel;
  readonly delta: Delta;
  /** The trained tensors and the method's state, by name. */
  readonly tensors: Tensors;
  readonly training: boolean;
  /** Whether the base's own dropout acts while training. */
  readonly dropout: boolean;
  readonly totalSteps: number;
}

/**
 * Runs a base's decoder under a method; ids and positions are inputs of the program. Throws RangeError for an
 * encoder.
 */
export function runDecoder(x: ProgramTensors, use: ModelUse, batch: DecoderRun): DecoderStates {
  const { architecture } = use.base;
  const states = decodedStates(x, use, batch);
  const scale = architecture.kind === 'encoder' ? undefined : architecture.outputScale;
  return scale === undefined ? states : { ...states, hidden: states.hidden.mul(scale) };
}

type DecoderRun = Omit<DecoderBatch, 'ids' | 'positions'>;

/** A decoder's states as the last norm leaves them, which a head of classes reads. */
function decodedStates(x: ProgramTensors, use: ModelUse, batch: DecoderRun): DecoderStates {
  const { architecture, id } = use.base;
  if (architecture.kind === 'encoder') throw new RangeError(`${id} is an encoder and generates no text`);
  // Computed states hold the virtual tokens already; in an encoder-decoder they are in the encoder.
  const isBegun = batch.past !== undefined || batch.beginning !== undefined;
  const virtual = isBegun || architecture.kind === 'encoder-decoder' ? 0 : (use.delta.promptLength ?? 0);
  const model = modelTensors(x, use, 'decoder', virtual);
  return architecture.decode(model, { ...batch, ids: x.inputs.ids!, positions: x.inputs.positions! });
}

/**
 * Runs a base's encoder under a method; ids, positions and token types are inputs of the program. Throws
 * RangeError for a decoder.
 */
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
 * Runs a base and a head on a batch and gives the head's outputs [B, outputs]. The program's inputs include `pool`
 * [B, N], or if the head reads one token of each sequence `pooledRows` [B] and `pooledPlaces` [N].
 */
export function runClassifier(
  x: ProgramTensors,
  use: ModelUse,
  head: Head,
  batch: Parameters<typeof runEncoder>[2],
): Tensor {
  const { pool, pooledRows, pooledPlaces } = x.inputs;
  // A method's virtual tokens come before the input, so the first token is a virtual one.
  const readsVirtual = head.pooling === 'first' && Boolean(use.delta.promptLength);
  const readsOne = head.pooling !== 'mean' && !readsVirtual;
  const outputRows = readsOne ? { rows: pooledRows!, places: pooledPlaces! } : undefined;
  const { hidden, virtual } = runSequences(x, use, { ...batch, ...(outputRows && { outputRows }) });
  const pooled = readsOne
    ? hidden
    : readsVirtual
      ? firstOfEach(virtual!, batch.batch)
      : ops.matMul(pool!, hidden);
  const weight = (name: string): Tensor | undefined => use.tensors[name] ?? x.frozen[name];
  return head.apply(pooled, {
    linear(module, y) {
      const site = use.base.sites.find(({ name }) => name === module);
      // The pooler is the only module of the head that is a site, where a method may act.
      return site
        ? linearAt(modelTensors(x, use, 'encoder', 0, outputRows), site, true, y)
        : ops.linear(y, weight(`${module}.weight`)!, weight(`${module}.bias`), true);
    },
    norm: (module, epsilon, y) =>
      ops.layerNorm(
        y,
        weight(`${module}.weight`)!,
        weight(`${module}.bias`) ?? ops.zeros([y.shape[1]!]),
        epsilon,
      ),
    dropout: (y, name) =>
      use.training && head.dropout > 0
        ? y.mul(x.random({ kind: 'dropout', rate: head.dropout, name, shape: y.shape }))
        : y,
  });
}

/**
 * Runs the stack that classes are read from: an encoder, or a decoder, which needs no bias to see no padding. That
 * of an encoder-decoder reads the texts `ids` beside the `source ids` of its encoder, which are of equal lengths.
 */
function runSequences(
  x: ProgramTensors,
  use: ModelUse,
  { outputRows, bias, ...texts }: Parameters<typeof runEncoder>[2],
): EncoderStates {
  const { kind } = use.base.architecture;
  const batch = { ...texts, ...(outputRows && { outputRows }) };
  if (kind === 'encoder') return runEncoder(x, use, { ...batch, bias });
  if (kind === 'decoder') return { hidden: decodedStates(x, use, batch).hidden };
  const inputs = { ...x.inputs, ids: x.inputs[`${SOURCE}ids`]! };
  const states = runEncoder({ ...x, inputs }, use, { ...texts, bias });
  return { hidden: decodedStates(x, use, { ...batch, source: { ...texts, bias, states } }).hidden };
}

/** Takes the first row of each of `batch` sequences: [B·l, d] → [B, d]. */
function firstOfEach(rows: Tensor, batch: number): Tensor {
  const [length, width] = [rows.shape[0] / batch, rows.shape[1]!];
  return ops
    .slice(rows.reshape([batch, length, width]), [0, 0, 0], [batch, 1, width])
    .reshape([batch, width]);
}

/**
 * Runs a base's encoder on the source, and its decoder on the target with the encoder's states. `crossBias`
 * [B, 1, T, T'] masks source tokens for each target token; by default it is the source's own mask.
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
 * Gives a family the base's tensors, the method's edits and their context. `virtual` is the number of rows of
 * virtual tokens after those of the batch; with `outputRows`, activations hold only these rows. `drawn` counts the
 * masks by name, since a module that several layers share drops other numbers in each.
 */
function modelTensors(
  x: ProgramTensors,
  use: ModelUse,
  stack: Context['stack'],
  virtual: number,
  outputRows?: OutputRows,
  drawn = new Map<string, number>(),
): ModelTensors {
  const { delta, tensors, training, dropout, totalSteps } = use;
  const maskOf = (name: 'tokens' | 'prompt' | 'fromStart' | 'fromEnd', ofVirtual: number): Tensor => {
    const mask = x.inputs[name]!;
    if (outputRows) return ops.gather(mask, outputRows.rows);
    return virtual > 0 ? ops.concat([mask, ops.fill([virtual, 1], ofVirtual)], 0) : mask;
  };
  // Evaluation computes equal beginnings of prompts once for several requests, unless a method declares that
  // it reads where prompts end.
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
    dropoutMask(shape: Shape, rate, module) {
      if (!training || rate === 0) return undefined;
      const times = (drawn.get(module) ?? 0) + 1;
      drawn.set(module, times);
      const name = times > 1 ? `${module} ${times}` : module;
      return x.random({ kind: 'dropout', rate, name, shape, tail: shape.length === 2 ? virtual : 0 });
    },
    uniform: (shape, name) => (training ? uniformOnce(x, use, shape, name) : undefined),
    step: x.inputs.step ?? ops.scalar(0),
    // Virtual tokens count as tokens, but not as part of the prompt.
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
  const fixed = Object.keys({ ...delta.frozen, ...delta.derived });
  const own = Object.fromEntries(fixed.map((name) => [name, x.frozen[name]!]));
  const edits = delta.edits?.({ ...own, ...tensors }, context) ?? {};
  return {
    weight: weightReader(x, tensors, edits),
    edits,
    context,
    dropout: training && dropout,
    only: (rows) => modelTensors(x, use, stack, 0, rows, drawn),
  };
}

/** Reads the base's tensors as a method leaves them; one that several modules read is computed once. */
function weightReader(x: ProgramTensors, tensors: Tensors, edits: Edits): ModelTensors['weight'] {
  const edited = new Map<string, Tensor>();
  return (name) => {
    const value = tensors[name] ?? x.frozen[name]!;
    if (!edits.tensor) return value;
    const known = edited.get(name) ?? edits.tensor(name, value) ?? value;
    edited.set(name, known);
    return known;
  };
}

/** Uniform numbers that a program has declared, by the tensors of its model: several stacks may ask for them. */
const declared = new WeakMap<Tensors, Map<string, Tensor>>();

function uniformOnce(x: ProgramTensors, { tensors }: ModelUse, shape: Shape, name: string): Tensor {
  const known = declared.get(tensors) ?? new Map<string, Tensor>();
  declared.set(tensors, known);
  const numbers = known.get(name) ?? x.random({ kind: 'uniform', rate: 0, name, shape });
  known.set(name, numbers);
  return numbers;
}

/** A decoder's head as a method has changed it. */
export interface OutputHead {
  /** [V, d] */
  readonly weight: Tensor;
  /** Whether a method edits the head: then the weight alone does not give its scores. */
  readonly isEdited: boolean;
  /** A bias of the scores [1, V]; none where absent. */
  readonly bias: Tensor | undefined;
  /** Bound c of the scores z, which become c · tanh(z / c); none where absent. */
  readonly cap: number | undefined;
  /** The scores [N, V] of states [N, d]; `product` multiplies states with the weight. */
  scores(hidden: Tensor, product?: (hidden: Tensor) => Tensor): Tensor;
}

/**
 * Gives the head of a base under a method. With `outputRows`, states are those of these rows alone. Throws
 * RangeError for an encoder.
 */
export function outputHead(x: ProgramTensors, use: ModelUse, outputRows?: OutputRows): OutputHead {
  const model = modelTensors(x, use, 'decoder', 0, outputRows);
  const weight = headWeight(use, model);
  const multiply = (hidden: Tensor): Tensor => ops.linear(hidden, weight, undefined, true);
  const site = use.base.sites.find(({ kind }) => kind === 'head')!;
  const edit = model.edits.linear?.(site, { W: weight, product: multiply });
  const { architecture } = use.base;
  const { logitCap: cap, outputBias } = architecture.kind === 'encoder' ? {} : architecture;
  const bias = outputBias === undefined ? undefined : model.weight(outputBias);
  return {
    weight,
    isEdited: edit !== undefined,
    bias,
    cap,
    scores(hidden, product = multiply) {
      const input = edit?.input?.(hidden) ?? hidden;
      const y = product(input);
      const edited = edit?.output?.(y, input) ?? y;
      const shifted = bias ? edited.add(bias) : edited;
      return cap === undefined ? shifted : capSoftly(shifted, cap);
    },
  };
}

/** The output weight [V, d] as a method leaves it; throws RangeError for an encoder. */
function headWeight({ base: { architecture, id } }: ModelUse, model: ModelTensors): Tensor {
  if (architecture.kind === 'encoder') throw new RangeError(`${id} is an encoder and predicts no tokens`);
  return model.weight(architecture.head);
}
