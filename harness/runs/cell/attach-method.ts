/**
 * Puts the methods of a variant on a base, which changes nothing of the base. Used for cells, and by params
 * and merge.
 */
import type { BaseModel } from '../../models/base-model.ts';
import { withCheckedEdits } from '../../models/delta/checked-edits.ts';
import { readBy, withHead, type Head } from '../../models/delta/heads.ts';
import { unfrozenTensors } from '../../models/delta/trained-tensors.ts';
import type { Delta } from '../../models/method.ts';
import { messageOf, UsageError } from '../../support/errors.ts';
import type { Variant } from '../plan/variants/variant.ts';

/** Attaches a variant's methods to a base; throws UsageError where they cannot act on it, or not together. */
export async function attachMethods(
  { parts, name }: Pick<Variant, 'parts' | 'name'>,
  base: BaseModel,
): Promise<Delta> {
  try {
    const deltas = parts.map((part) => ({ name: part.method.name, delta: attach(part, base) }));
    if (deltas.length === 1) return deltas[0]!.delta;
    const { composeDeltas } = await import('../../models/delta/compose.ts');
    const delta = composeDeltas(deltas);
    // Throws where two methods train the same tensor.
    unfrozenTensors(base, delta);
    return delta;
  } catch (error) {
    // Methods throw RangeError where options and base do not go together.
    throw error instanceof RangeError
      ? new UsageError(`${name}: ${error.message}.`, { cause: error })
      : error;
  }
}

/** Attaches one method; an error of its code names the method, which may be the user's own. */
function attach({ method, options }: Variant['parts'][number], base: BaseModel): Delta {
  try {
    const delta = method.attach(base, options) as Delta | undefined;
    if (!delta?.trained) throw new TypeError('attach returns no object with `trained`');
    return withCheckedEdits(method.name, delta);
  } catch (error) {
    if (error instanceof RangeError || error instanceof UsageError) throw error;
    throw new Error(`The method ${method.name} cannot act on ${base.id}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Attaches methods and a head; the base that is returned keeps what the head reads. */
export async function attachWithHead(
  variant: Pick<Variant, 'parts' | 'name'>,
  base: BaseModel,
  head: Head,
): Promise<{ base: BaseModel; delta: Delta }> {
  const whole = readBy(head, base);
  const delta = await attachMethods(variant, whole);
  checkPooler(variant, delta, base, head);
  return { base: whole, delta: withHead(delta, head) };
}

/** Throws UsageError where a method acts on the pooler although the head does not read it. */
export function checkPooler(
  { name }: Pick<Variant, 'name'>,
  delta: Delta,
  base: BaseModel,
  head: Head,
): void {
  const pooler = base.sites.find(({ role }) => role === 'pooler');
  if (!pooler || `${pooler.name}.weight` in head.reads) return;
  if (!Object.keys(delta.trained).some((key) => key.includes(`${pooler.name}.`))) return;
  throw new UsageError(
    `${name} acts on ${pooler.name}, which only the head "huggingface" reads; ` +
      `the head here is "${head.name}". Give --set head=huggingface.`,
  );
}
