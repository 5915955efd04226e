import type { Engine } from '../../harness/engine/types.ts';
import { startFrom, type Adapter } from '../../harness/exchange/adapter.ts';
import { initialize } from '../../harness/models/attached.ts';
import { makeHead, readBy, withHead } from '../../harness/models/heads.ts';
import type { BaseModel, Delta } from '../../harness/models/types.ts';
import { loadMethods } from '../../harness/runs/plugins.ts';
import { computeDecoder, type Batch } from '../parity/decoder.ts';
import { computeEncoder, examplesOf } from '../parity/encoder.ts';

const methods = await loadMethods();

/** What a method's name and options add to a base. */
export function attachMethod(base: BaseModel, name: string, options: object): Delta {
  const method = methods.get(name)!;
  return method.attach(base, method.options.parse(options));
}

/** A method's options with its defaults. */
export function fullOptions({ method, options }: Adapter): Adapter['options'] {
  return methods.get(method)!.options.parse(options) as Adapter['options'];
}

/** A batch of a decoder, of an encoder-decoder, or of classes. */
export interface AnyBatch {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly labels: number[][] | number[];
}

/** What a base computes under an adapter: logits of real tokens, or of classes; without the adapter's dropout, which acts in training. */
export async function logitsUnder(
  engine: Engine,
  model: BaseModel,
  adapter: Adapter,
  batch: AnyBatch,
): Promise<Float32Array> {
  const options = 'dropout' in adapter.options ? { ...adapter.options, dropout: 0 } : adapter.options;
  const attached = attachMethod(model, adapter.method, options);
  const { base, delta } = startFrom(model, attached, adapter, 'the adapter');
  const tensors = await initialize(delta.trained, base, 0);
  if (base.architecture.kind !== 'encoder') {
    return (await computeDecoder(engine, base, delta, tensors, batch as Batch)).logits;
  }
  const { shape } = Object.entries(adapter.head).find(([name]) => name.endsWith('.bias') && !name.includes('dense'))![1]; // prettier-ignore
  const head = makeHead(base, 'huggingface', shape[0]!);
  const trained = Object.entries(adapter.head).map(([name, { data }]) => [name, data] as const);
  const examples = examplesOf(batch as Parameters<typeof examplesOf>[0]);
  const run = { engine, base: readBy(head, base), delta: withHead(delta, head), head };
  return (await computeEncoder(run, { ...tensors, ...Object.fromEntries(trained) }, examples, true)).answers;
}
