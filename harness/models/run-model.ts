import * as ops from '../engine/ops.ts';
import type { Tensor } from '../engine/ops.ts';
import type { ProgramTensors, Shape } from '../engine/types.ts';
import type { DecoderBatch, DecoderStates } from './family.ts';
import type { BaseModel, Context, Delta, Tensors } from './types.ts';

/** How a program uses a base and a method. */
export interface ModelUse {
  readonly base: BaseModel;
  readonly delta: Delta;
  /** The trained tensors, and the method's state. */
  readonly tensors: Tensors;
  readonly training: boolean;
  /** Whether the base's own dropout acts while training. */
  readonly dropout: boolean;
  readonly totalSteps: number;
}

/** Runs a base under a method inside a program; the program's inputs are those of a batch. */
export function runDecoder(
  x: ProgramTensors,
  use: ModelUse,
  batch: Omit<DecoderBatch, 'ids' | 'positions'>,
): DecoderStates {
  const { base, delta, tensors, training } = use;
  // Behind a past they stand in the cache.
  const virtual = batch.past ? 0 : (delta.promptLength ?? 0);
  const withVirtual = (mask: Tensor, value: number): Tensor =>
    virtual > 0 ? ops.concat([mask, ops.fill([virtual, 1], value)], 0) : mask;
  const context: Context = {
    training,
    stack: 'decoder',
    totalSteps: use.totalSteps,
    dropout: (y, rate, name) => {
      const mask = context.dropoutMask(y.shape, rate, name);
      return mask ? y.mul(mask) : y;
    },
    dropoutMask: (shape: Shape, rate, name) =>
      training && rate > 0 ? x.random(`dropout ${rate} ${name}`, shape) : undefined,
    step: x.inputs.step ?? ops.scalar(0),
    // Virtual tokens are real ones outside the prompt.
    tokens: withVirtual(x.inputs.tokens!, 1),
    prompt: withVirtual(x.inputs.prompt!, 0),
    fromStart: withVirtual(x.inputs.fromStart!, -1),
    fromEnd: withVirtual(x.inputs.fromEnd!, -1),
  };
  const own = Object.fromEntries(Object.keys(delta.frozen ?? {}).map((name) => [name, x.held[name]!]));
  return base.architecture.decode(
    {
      weight: (name): Tensor => tensors[name] ?? x.held[name]!,
      edits: delta.edits?.({ ...own, ...tensors }, context) ?? {},
      context,
      dropout: training && use.dropout,
    },
    { ...batch, ids: x.inputs.ids!, positions: x.inputs.positions! },
  );
}

/** The output weight [V, d], trained or not. */
export function headWeight(x: ProgramTensors, { base, tensors }: ModelUse): Tensor {
  const name = base.architecture.head;
  return tensors[name] ?? x.held[name]!;
}
