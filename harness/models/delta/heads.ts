/** The heads that turn the states of an encoder or a decoder into classes or a value. */
import { tanh, type Tensor } from '../../engine/ops.ts';
import {
  type Architecture,
  type Classifier,
  type ClassifyingArchitecture,
  ownHeadName,
  scoreName,
} from '../architecture.ts';
import type { Random, Shapes } from '../edits.ts';
import { UsageError } from '../../support/errors.ts';
import { activate } from '../families/parts/activations.ts';
import type { HeadName } from '../head-names.ts';
import type { Delta, TensorSpec } from '../method.ts';
import type { BaseModel } from '../base-model.ts';

/**
 * A classification or regression head; it is trained with every method, and its parameters are counted
 * separately.
 */
export interface Head {
  readonly name: HeadName;
  /**
   * Which states of a sequence the head reads: those of the first token, the mean over all tokens, those of the last
   * token that is not `padToken`, which are the first token's where every token is, or those of an encoder-decoder's
   * decoder at the last `endToken`.
   */
  readonly pooling: 'first' | 'mean' | 'last' | 'end';
  /** For `last`: the base's padding token; where absent, the last token is read whatever it is. */
  readonly padToken?: number;
  /** For `end`: the token that stands before the text that the decoder reads, and the one where it is read. */
  readonly ends?: { readonly startToken: number; readonly endToken: number };
  /** The number of classes, or 1 for a value. */
  readonly outputs: number;
  readonly dropout: number;
  readonly tensors: Readonly<Record<string, TensorSpec>>;
  /** Tensors of the base that only this head reads. */
  readonly reads: Shapes;
  /** Maps pooled states [B, d] to outputs [B, outputs]. */
  apply(pooled: Tensor, steps: HeadSteps): Tensor;
}

/** The steps of a head under a method's edits. */
export interface HeadSteps {
  /** Runs a linear module [B, in] → [B, out], with a bias where it has one. */
  linear(module: string, x: Tensor): Tensor;
  /** Normalises [B, d] by a layer norm, with a bias where it has one. */
  norm(module: string, epsilon: number, x: Tensor): Tensor;
  dropout(x: Tensor, name: string): Tensor;
}

/** What may differ from the defaults of a head and its training. */
export interface HeadOptions {
  /** A dropout rate in place of the head's default. */
  readonly dropout?: number | undefined;
  /** A factor on the method's learning rate. */
  readonly learningRate?: number | undefined;
}

/**
 * Makes a head for a base. `paper` (of RED's authors): dropout 0.5, Linear(d, d), tanh, dropout, Linear(d, n) on the
 * first token, initialised as PyTorch does. `huggingface`: transformers' …ForSequenceClassification of the family,
 * the only one that fits on others than encoders. `mean`: dropout and Linear(d, n) on the mean over tokens. Throws
 * RangeError for another head on a decoder or an encoder-decoder, and UsageError where it has no one end token.
 */
export function makeHead(base: BaseModel, name: HeadName, outputs: number, options: HeadOptions = {}): Head {
  const { architecture, id } = base;
  const { kind } = architecture;
  if (kind !== 'encoder' && name !== 'huggingface')
    throw new RangeError(`${id} is no encoder: only the head "huggingface" fits on it, not "${name}"`);
  if (kind === 'decoder') return scoreHead(base, architecture, outputs, options);
  const { classifier } = architecture;
  const dropout = options.dropout ?? (name === 'paper' ? 0.5 : classifier.dropout);
  const make = { paper: paperHead, huggingface: huggingFaceHead, mean: meanHead }[name];
  const ends = kind === 'encoder-decoder' && { ends: endsOf(base, architecture) };
  return { name, outputs, dropout, ...ends, ...make(architecture, layersOf(architecture, options), outputs) };
}

/** The tokens by which an encoder-decoder's head finds its place; throws UsageError where config.json names several. */
function endsOf(
  { config, id }: BaseModel,
  { startToken, endToken }: Extract<Architecture, { kind: 'encoder-decoder' }>,
): NonNullable<Head['ends']> {
  const { eos_token_id: given = endToken } = config;
  if (typeof given === 'number') return { startToken, endToken: given };
  throw new UsageError(
    `config.json of ${id} sets eos_token_id to ${JSON.stringify(given)}; the head reads the decoder at one end ` +
      'token, so that a number must stand there.',
  );
}

type OwnParts = Pick<Head, 'pooling' | 'tensors' | 'reads' | 'apply'>;

/** Makes the tensors of a head's layers, which begin as PyTorch's or as transformers' do. */
interface HeadLayers {
  linear(module: string, to: number, start: 'torch' | 'normal', bias?: boolean): Record<string, TensorSpec>;
  norm(module: string, bias: boolean): Record<string, TensorSpec>;
}

/** A tensor of a head, which may have a learning rate of its own. */
const tensorSpec = (
  shape: readonly number[],
  init: TensorSpec['init'],
  { learningRate }: HeadOptions,
): TensorSpec => ({ shape, init, ...(learningRate !== undefined && { learningRate }) });

function layersOf({ width: d, deviation }: ClassifyingArchitecture, options: HeadOptions): HeadLayers {
  const spec = (shape: number[], init: TensorSpec['init']): TensorSpec => tensorSpec(shape, init, options);
  const bound = 1 / Math.sqrt(d);
  const uniform = (random: Random, size: number): Float32Array => random.uniform(size, -bound, bound);
  return {
    linear(module, to, start, bias = true) {
      const weight = (random: Random): Float32Array =>
        start === 'torch' ? uniform(random, to * d) : random.normal(to * d, 0, deviation);
      const shift = (random: Random): Float32Array =>
        start === 'torch' ? uniform(random, to) : new Float32Array(to);
      return {
        [`${module}.weight`]: spec([to, d], weight),
        ...(bias && { [`${module}.bias`]: spec([to], shift) }),
      };
    },
    norm: (module, bias) => ({
      [`${module}.weight`]: spec([d], () => new Float32Array(d).fill(1)),
      ...(bias && { [`${module}.bias`]: spec([d], () => new Float32Array(d)) }),
    }),
  };
}

type DecoderArchitecture = Extract<Architecture, { kind: 'decoder' }>;

/** transformers' head on a decoder: Linear(d, n) without bias on the last token; it has no dropout of its own. */
function scoreHead(
  { config }: BaseModel,
  { width: d, vocabulary, classifier, initial }: DecoderArchitecture,
  outputs: number,
  options: HeadOptions,
): Head {
  const { pad_token_id: given = classifier.padToken } = config;
  // No text has a token outside the vocabulary, such as the -1 of old Llamas.
  const isToken = typeof given === 'number' && given >= 0 && given < vocabulary;
  const begin = initial(scoreName);
  const deviation = begin.kind === 'normal' ? begin.deviation : 0;
  const weight = (random: Random): Float32Array => random.normal(outputs * d, 0, deviation);
  return {
    name: 'huggingface',
    pooling: 'last',
    ...(isToken && { padToken: given }),
    outputs,
    dropout: options.dropout ?? 0,
    tensors: { [scoreName]: tensorSpec([outputs, d], weight, options) },
    reads: {},
    apply: (x, { linear, dropout }) => linear('score', dropout(x, 'score.dropout')),
  };
}

function meanHead(_: ClassifyingArchitecture, { linear: layer }: HeadLayers, outputs: number): OwnParts {
  return {
    pooling: 'mean',
    tensors: layer('classifier', outputs, 'normal'),
    reads: {},
    apply: (x, { linear, dropout }) => linear('classifier', dropout(x, 'classifier.dropout')),
  };
}

function paperHead(
  { width: d }: ClassifyingArchitecture,
  { linear: layer }: HeadLayers,
  outputs: number,
): OwnParts {
  return {
    pooling: 'first',
    tensors: { ...layer('classifier.dense', d, 'torch'), ...layer('classifier.out_proj', outputs, 'torch') },
    reads: {},
    apply(x, { linear, dropout }) {
      const between = tanh(linear('classifier.dense', dropout(x, 'classifier.dropout')));
      return linear('classifier.out_proj', dropout(between, 'classifier.dropout.1'));
    },
  };
}

function huggingFaceHead(
  { width: d, pooler, classifier }: ClassifyingArchitecture,
  { linear: layer, norm: normLayer }: HeadLayers,
  outputs: number,
): OwnParts {
  const { dense, denseBias, activation, norm: behind, output, dropsInput } = classifier;
  return {
    pooling: classifier.pooling,
    tensors: {
      ...(pooler ? {} : layer(dense, d, 'normal', denseBias)),
      ...(behind && normLayer(behind.name, behind.bias)),
      ...layer(output, outputs, 'normal'),
    },
    reads: pooler ?? {},
    apply(x, { linear, norm, dropout }) {
      const input = dropsInput ? dropout(x, 'classifier.dropout') : x;
      const active = activate(activation, linear(dense, input));
      const between = behind ? norm(behind.name, behind.epsilon, active) : active;
      return linear(output, dropout(between, dropsInput ? 'classifier.dropout.1' : 'classifier.dropout'));
    },
  };
}

/**
 * Gives transformers' name of a tensor of the heads `paper` and `huggingface`: the first layer and the output of
 * `paper` take the places of the family's own.
 */
export function nameInTransformers(name: string, { dense, output }: Classifier): string {
  return name
    .replace(/^classifier\.dense(?=\.\w+$)/, dense)
    .replace(/^classifier\.out_proj(?=\.\w+$)/, output);
}

/** Whether a tensor of transformers' name belongs to the family's head. */
export function isOfHead(name: string, architecture: Architecture): boolean {
  if (architecture.kind === 'decoder') return name === scoreName;
  const { dense, norm, output } = architecture.classifier;
  return [dense, norm?.name, output].some((module) => module !== undefined && name.startsWith(`${module}.`));
}

/** Whether transformers' head of the family computes what the head `paper` does outside of training. */
export const holdsPaperHead = ({ activation, norm, pooling, denseBias }: Classifier): boolean =>
  activation === 'tanh' && !norm && pooling === 'first' && denseBias;

/**
 * The base as it is under a head: with the tensors that only the head reads, so that a method can train them too,
 * and without the prediction of tokens, which transformers' classifiers do not have.
 */
export function readBy(head: Pick<Head, 'reads'>, base: BaseModel): BaseModel {
  const kept = Object.entries(base.shapes).filter(([name]) => name !== ownHeadName);
  return {
    ...base,
    sites: base.sites.filter(({ kind }) => kind !== 'head'),
    shapes: { ...Object.fromEntries(kept), ...head.reads },
  };
}

/** Adds a head's tensors to a method's trained ones; their names differ. */
export function withHead(delta: Delta, head: Head): Delta {
  return { ...delta, trained: { ...delta.trained, ...head.tensors } };
}
