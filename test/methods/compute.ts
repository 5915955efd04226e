// Runs forward and backward passes and optimiser steps on bases of every family, for the tests of methods.
import type { LabelledTokens } from '../../harness/data/examples/task.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { makeHead, type Head } from '../../harness/models/delta/heads.ts';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { labelled } from '../../harness/training/objectives/classification.ts';
import { takeObjectiveSteps, takeSteps as takeDecoderSteps, type Steps } from '../parity/adamw.ts';
import { computeDecoder, type Arrays, type Batch } from '../parity/decoder.ts';
import { computeEncoder } from '../parity/encoder.ts';

/**
 * Computes logits, loss and, unless it is told not to, gradients of any base; an encoder classifies each row with an
 * untrained head.
 */
export async function compute(
  engine: Engine,
  base: BaseModel,
  delta: Delta,
  tensors: Arrays,
  batch: Batch,
  differentiated = true,
): Promise<{ logits: Float32Array; loss: number; gradients: Arrays }> {
  if (base.architecture.kind !== 'encoder')
    return computeDecoder(engine, base, delta, tensors, batch, differentiated);
  const head = headOf(base);
  const examples = sequences(batch);
  const padding = batch.input_ids[0]!.length - examples[0]!.ids.length;
  const room = {
    length: examples[0]!.ids.length + padding,
    tokens: examples.length * (examples[0]!.ids.length + padding),
  };
  const run = { engine, base, delta: onHead(delta, head), head, differentiated };
  const { answers, ...computed } = await computeEncoder(run, tensors, examples, true, room);
  return { ...computed, logits: answers };
}

/** Takes optimiser steps on one batch with any base. */
export function takeSteps(
  engine: Engine,
  base: BaseModel,
  delta: Delta,
  start: Arrays,
  batch: Batch,
  run: Steps,
): Promise<{ losses: number[]; final: Arrays }> {
  if (base.architecture.kind !== 'encoder') return takeDecoderSteps(engine, base, delta, start, batch, run);
  const head = headOf(base);
  const task = { objective: labelled(head, true, 0), examples: sequences(batch) };
  return takeObjectiveSteps({ engine, base, delta: onHead(delta, head) }, start, task, run);
}

const headOf = (base: BaseModel): Head => makeHead(base, 'huggingface', 3, { dropout: 0 });

/** Adds a fixed head whose weights are as large as trained ones. */
function onHead(delta: Delta, head: Head): Delta {
  const fixed = Object.entries(head.tensors).map(([name, spec]) => {
    const size = spec.shape.reduce((product, n) => product * n, 1);
    return [name, { ...spec, init: () => randomStream(5, name).normal(size, 0, 0.5) }] as const;
  });
  return { ...delta, frozen: { ...delta.frozen, ...Object.fromEntries(fixed) } };
}

/** Strips the padding of each row and labels the row with its number. */
function sequences({ input_ids, attention_mask }: Batch): LabelledTokens[] {
  return input_ids.map((all, row) => {
    const ids = all.filter((_, i) => attention_mask[row]![i]);
    return { ids, types: ids.map(() => 0), label: row };
  });
}
