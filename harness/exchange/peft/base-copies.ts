/**
 * The copies of the base's own matrices in an adapter's file: PEFT stores an embedding and the output head
 * beside their low-rank parts. folder.ts takes them out before a format reads the rest.
 */
import { sizeOf } from '../../support/numbers/arithmetic.ts';
import { UsageError } from '../../support/errors.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { weightName } from '../../models/edits.ts';
import type { StoredTensors } from '../adapter.ts';
import { inModel } from './format.ts';
import { sitesNamed } from './target-modules.ts';

const copy = '.base_layer.weight';
/** bfloat16 has eight bits of precision. */
const ROUNDING = 2 ** -8;

/**
 * Leaves the copies of the base's matrices out. Throws UsageError where one differs from the base's by more
 * than rounding to half precision: PEFT would put it in the base's place.
 */
export async function withoutBaseCopies(
  tensors: StoredTensors,
  base: BaseModel,
  folder: string,
): Promise<StoredTensors> {
  const own: Record<string, StoredTensors[string]> = {};
  for (const [key, tensor] of Object.entries(tensors)) {
    if (!key.endsWith(copy) || !key.startsWith(inModel)) {
      own[key] = tensor;
      continue;
    }
    const module = key.slice(inModel.length, -copy.length);
    const site = sitesNamed(base, new Set([module]), folder).get(module)!;
    const name = weightName(site);
    if (tensor.shape.join() === base.shapes[name]!.join() && isCopy(tensor.data, await base.tensor(name)))
      continue;
    throw new UsageError(
      `${folder} holds a ${module} of its own, ${describe(tensor.shape)}, which is not that of ${base.id}, ` +
        `${describe(base.shapes[name]!)}; give the base that it was trained on, with its tokens.`,
    );
  }
  return own;
}

const isCopy = (stored: Float32Array, own: Float32Array): boolean =>
  stored.every((value, i) => Math.abs(value - own[i]!) <= Math.abs(own[i]!) * ROUNDING);

const describe = (shape: readonly number[]): string => `[${shape.join(', ')}] (${sizeOf(shape)} numbers)`;
