/** The heads that turn an encoder's states into classes or a value. */
import { tanh, type Tensor } from '../../engine/ops.ts';
import type { Random, Shapes } from '../edits.ts';
import type { HeadName } from '../head-names.ts';
import type { Delta, TensorSpec } from '../method.ts';
import type { BaseModel } from '../base-model.ts';

/**
 * A classification or regression head; it is trained with every method, and its parameters are counted
 * separately.
 */
export interface Head {
  readonly name: HeadName;
  /** Which states of a sequence the head reads: those of the first token, or the mean over all tokens. */
  readonly pooling: 'first' | 'mean';
  /** The number of classes, or 1 for a value. */
  readonly outputs: number;
  readonly dropout: number;
  readonly tensors: Readonly<Record<string, TensorSpec>>;
  /** Tensors of the base that only this head reads. */
  readonly reads: Shapes;
  /** Maps pooled states [B, d] to outputs [B, outputs]. */
  apply(
    pooled: Tensor,
    /** Runs a linear module [B, in] → [B, out] with the method's edits. */
    linear: (module: string, x: Tensor) => Tensor,
    dropout: (x: Tensor, name: string) => Tensor,
  ): Tensor;
}

/** What may differ from the defaults of a head and its training. */
export interface HeadOptions {
  /** A dropout rate in place of the head's default. */
  readonly dropout?: number | undefined;
  /** A factor on the method's learning rate. */
  readonly learningRate?: number | undefined;
}

/**
 * Makes a head for a base; throws RangeError if the base is not an encoder. `paper` (of RED's authors):
 * dropout 0.5, Linear(d, d), tanh, dropout, Linear(d, n) on the first token, initialised as PyTorch does.
 * `huggingface`: transformers' …ForSequenceClassification; for BERT it uses the pretrained pooler. `mean`:
 * dropout and Linear(d, n) on the mean over tokens.
 */
export function makeHead(base: BaseModel, name: HeadName, outputs: number, options: HeadOptions = {}): Head {
  const { architecture, id } = base;
  if (architecture.kind !== 'encoder')
    throw new RangeError(`${id} is no encoder, so that no head fits on it`);
  const { width: d, pooler, deviation, classifierDropout } = architecture;
  const spec = (shape: number[], init: TensorSpec['init']): TensorSpec => ({
    shape,
    init,
    ...(options.learningRate !== undefined && { learningRate: options.learningRate }),
  });
  const layer = (module: string, to: number, start: 'torch' | 'normal'): Record<string, TensorSpec> => ({
    [`${module}.weight`]: spec([to, d], (random) => first[start].weight(random, to * d)),
    [`${module}.bias`]: spec([to], (random) => first[start].bias(random, to)),
  });
  const bound = 1 / Math.sqrt(d);
  type Fill = (random: Random, size: number) => Float32Array;
  const uniform: Fill = (random, size) => random.uniform(size, -bound, bound);
  const first: Record<'torch' | 'normal', { weight: Fill; bias: Fill }> = {
    torch: { weight: uniform, bias: uniform },
    normal: {
      weight: (random, size) => random.normal(size, 0, deviation),
      bias: (_, size) => new Float32Array(size),
    },
  };
  const common = { name, outputs, dropout: options.dropout ?? (name === 'paper' ? 0.5 : classifierDropout) };
  if (name === 'mean') {
    return {
      ...common,
      pooling: 'mean',
      tensors: layer('classifier', outputs, 'normal'),
      reads: {},
      apply: (x, linear, dropout) => linear('classifier', dropout(x, 'classifier.dropout')),
    };
  }
  if (name === 'huggingface' && pooler) {
    const pool = Object.keys(pooler)[0]!.replace(/\.weight$/, '');
    return {
      ...common,
      pooling: 'first',
      tensors: layer('classifier', outputs, 'normal'),
      reads: pooler,
      apply: (x, linear, dropout) =>
        linear('classifier', dropout(tanh(linear(pool, x)), 'classifier.dropout')),
    };
  }
  const start = name === 'paper' ? 'torch' : 'normal';
  return {
    ...common,
    pooling: 'first',
    tensors: { ...layer('classifier.dense', d, start), ...layer('classifier.out_proj', outputs, start) },
    reads: {},
    apply(x, linear, dropout) {
      const between = tanh(linear('classifier.dense', dropout(x, 'classifier.dropout')));
      return linear('classifier.out_proj', dropout(between, 'classifier.dropout.1'));
    },
  };
}

/**
 * Gives transformers' name of a tensor of the heads `paper` and `huggingface`. If a family has a pooler, its
 * tanh(Linear) takes the place of the first layer of `paper`.
 */
export function nameInTransformers(name: string, pooler: Shapes | undefined): string {
  if (!pooler) return name;
  const pool = Object.keys(pooler)[0]!.replace(/weight$/, '');
  return name.replace(/^classifier\.dense\./, pool).replace('out_proj.', '');
}

/** Adds the tensors that only the head reads to the base's own, so that a method can train them too. */
export function readBy(head: Head, base: BaseModel): BaseModel {
  return { ...base, shapes: { ...base.shapes, ...head.reads } };
}

/** Adds a head's tensors to a method's trained ones; their names differ. */
export function withHead(delta: Delta, head: Head): Delta {
  return { ...delta, trained: { ...delta.trained, ...head.tensors } };
}
