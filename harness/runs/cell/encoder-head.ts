import { UsageError } from '../../support/errors.ts';
import { startFrom, type StoredTensors } from '../../exchange/adapter.ts';
import { makeHead, readBy, withHead, type Head } from '../../models/delta/heads.ts';
import { beginHead, headOfTensors } from '../../models/bases/stored-head.ts';
import type { Delta } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { attachMethods, checkPooler } from './attach-method.ts';
import type { Cell } from '../plan/cell.ts';

/** The head of a cell, where its base is an encoder, whether it begins as the checkpoint's, and what the user should know. */
interface BegunHead {
  readonly head: Head | undefined;
  readonly headFrom?: 'checkpoint';
  readonly notes: readonly string[];
}

/**
 * A cell's base with what its method and its head add, and with the values of the adapter that the cell begins with. Throws
 * UsageError where they do not go together.
 */
export async function attachWhole(
  cell: Cell,
  bare: BaseModel,
): Promise<BegunHead & { readonly base: BaseModel; readonly delta: Delta }> {
  const { start, variant } = cell;
  const known = start ? withPooler(bare, start.adapter.head) : bare;
  const begun = headOf(cell, known);
  const whole = begun.head ? readBy(begun.head, known) : known;
  const own = await attachMethods(variant, whole);
  if (begun.head) checkPooler(variant, own, known, begun.head);
  const { base, delta } = start
    ? startFrom(whole, own, start.adapter, start.path)
    : { base: whole, delta: own };
  return { ...begun, base, delta: begun.head ? withHead(delta, begun.head) : delta };
}

/** A base with the pooler that an adapter trained with its head. */
function withPooler(base: BaseModel, head: StoredTensors): BaseModel {
  return {
    ...base,
    tensor: async (name) => head[name]?.data ?? base.tensor(name),
    location: (name) => (name in head ? undefined : base.location(name)),
  };
}

/**
 * The head that an encoder needs, which begins as that of the adapter or the checkpoint does where they bring one that fits.
 * Throws UsageError where a task asks an encoder for text, and where an adapter's head does not fit.
 */
function headOf({ task, recipe, start }: Cell, base: BaseModel): BegunHead {
  const { architecture, id } = base;
  if (architecture.kind !== 'encoder') return { head: undefined, notes: [] };
  if (task.kind === 'text') {
    throw new UsageError(
      `${id} is an encoder (${base.family}) and writes no text, which ${task.name} asks for; give a decoder or an encoder-decoder.`,
    );
  }
  const { headDropout, headLearningRate, learningRate } = recipe;
  const drawn = makeHead(base, recipe.head, task.classes?.length ?? 1, {
    dropout: headDropout,
    ...(headLearningRate !== undefined && { learningRate: headLearningRate / learningRate }),
  });
  const brought = start && headOfTensors(start.adapter.headName ?? 'huggingface', start.adapter.head);
  const stored = brought ?? base.head;
  if (!stored) {
    return { head: drawn, notes: start ? [`${start.path} brings no head: a new one is drawn.`] : [] };
  }
  const begun = beginHead(drawn, stored, architecture, task.classes, (name) => base.tensor(name));
  if ('head' in begun) {
    if (brought) return { head: begun.head, notes: [] };
    const notes = [`${task.name} begins with the head of the checkpoint of ${id}.`];
    return { head: begun.head, headFrom: 'checkpoint', notes };
  }
  if (brought) {
    throw new UsageError(`The head of ${start.path} cannot be used for ${task.name}: ${begun.why}.`);
  }
  const notes = [`The head of the checkpoint of ${id} is not used for ${task.name}: ${begun.why}. A new one is drawn.`]; // prettier-ignore
  return { head: drawn, notes };
}
