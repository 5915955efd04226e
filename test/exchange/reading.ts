// Attaches adapters to bases and computes with them; used by the tests of exchange and test/cases.
import type { Engine } from '../../harness/engine/types.ts';
import { startFrom, type Adapter } from '../../harness/exchange/adapter.ts';
import { initialize, unfrozenTensors } from '../../harness/models/delta/trained-tensors.ts';
import { outputTensor } from '../../harness/models/bases/stored-head.ts';
import { makeHead, readBy, withHead } from '../../harness/models/delta/heads.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import { computeDecoder, type Batch, type Computed } from '../parity/decoder.ts';
import { computeEncoder, examplesOf } from '../parity/encoder.ts';

const methods = await loadMethods();

/** Attaches a method with these options to a base. */
export function attachMethod(base: BaseModel, name: string, options: object): Delta {
  const method = methods.get(name)!;
  return method.attach(base, method.options.parse(options));
}

/** Completes an adapter's options with the method's defaults. */
export function fullOptions({ method, options }: Adapter): Adapter['options'] {
  return methods.get(method)!.options.parse(options);
}

/** A batch of a decoder, of an encoder-decoder, or of an encoder with classes. */
export interface AnyBatch {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly labels: number[][] | number[];
  readonly token_type_ids?: number[][];
}

interface Answered {
  /** Logits of real tokens, or of classes. */
  readonly logits: Float32Array;
  /** Hidden states of real tokens. */
  readonly states: Float32Array;
}

/** Computes with a base under an adapter; the adapter's dropout is off, since it acts in training only. */
async function computeUnder(
  engine: Engine,
  model: BaseModel,
  adapter: Adapter,
  batch: AnyBatch,
): Promise<Answered> {
  const isEncoder = model.architecture.kind === 'encoder';
  if (!isEncoder && adapter.headName === undefined) {
    const { logits, hidden } = await trainedUnder(engine, model, adapter, batch);
    return { logits, states: hidden };
  }
  const options = withoutDropout(adapter);
  const outputs = Object.entries(adapter.head).find(([name]) => outputTensor.test(name));
  const head = makeHead(model, adapter.headName ?? 'huggingface', outputs ? outputs[1].shape[0]! : 2);
  const whole = readBy(head, model);
  const method = attachMethod(whole, adapter.method, options);
  const { base, delta } = startFrom(whole, method, adapter, 'the adapter');
  const withOwn = withHead(delta, head);
  const begun = await initialTensors(base, withOwn);
  const own = Object.fromEntries(Object.entries(adapter.head).map(([name, { data }]) => [name, data]));
  const examples = examplesOf({ ...batch, labels: batch.input_ids.map(() => 0) });
  const run = { engine, base, delta: withOwn, head, differentiated: false, states: isEncoder };
  const { answers, hidden } = await computeEncoder(run, { ...begun, ...own }, examples, true);
  return { logits: answers, states: hidden ?? new Float32Array() };
}

const withoutDropout = ({ options }: Adapter): Adapter['options'] =>
  'dropout' in options ? { ...options, dropout: 0 } : options;

/** Computes logits, states, loss and gradients of a decoder under an adapter, without its dropout. */
export async function trainedUnder(
  engine: Engine,
  model: BaseModel,
  adapter: Adapter,
  batch: AnyBatch,
): Promise<Computed> {
  const method = attachMethod(model, adapter.method, withoutDropout(adapter));
  // A decoder's head has no tensors apart, so they join the adapter's.
  const given = { tensors: { ...adapter.tensors, ...adapter.head } };
  const { base, delta } = startFrom(model, method, given, 'the adapter');
  return computeDecoder(engine, base, delta, await initialTensors(base, delta), batch as Batch);
}

/** The values that a method's own tensors and the base's trained ones begin with. */
async function initialTensors(base: BaseModel, delta: Delta): Promise<Record<string, Float32Array>> {
  const values = await initialize(delta.trained, base, 0);
  for (const name of unfrozenTensors(base, delta)) values[name] = await base.tensor(name);
  return values;
}

/** Computes logits of real tokens, or of classes, under an adapter. */
export async function logitsUnder(...given: Parameters<typeof computeUnder>): Promise<Float32Array> {
  return (await computeUnder(...given)).logits;
}

/** Computes hidden states of real tokens under an adapter with or without a head. */
export async function statesUnder(...given: Parameters<typeof computeUnder>): Promise<Float32Array> {
  return (await computeUnder(...given)).states;
}
