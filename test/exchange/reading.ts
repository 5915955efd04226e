import type { Engine } from '../../harness/engine/types.ts';
import { startFrom, type Adapter } from '../../harness/exchange/adapter.ts';
import { initialize } from '../../harness/models/attached.ts';
import type { BaseModel, Delta } from '../../harness/models/types.ts';
import { loadMethods } from '../../harness/runs/plugins.ts';
import { computeDecoder, type Batch } from '../parity/decoder.ts';

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

/** The logits of a base under an adapter, of real tokens only; without the adapter's dropout, which acts in training. */
export async function logitsUnder(
  engine: Engine,
  model: BaseModel,
  adapter: Adapter,
  batch: Batch,
): Promise<Float32Array> {
  const options = 'dropout' in adapter.options ? { ...adapter.options, dropout: 0 } : adapter.options;
  const attached = attachMethod(model, adapter.method, options);
  const { base, delta } = startFrom(model, attached, adapter, 'the adapter');
  const tensors = await initialize(delta.trained, base, 0);
  return (await computeDecoder(engine, base, delta, tensors, batch)).logits;
}
