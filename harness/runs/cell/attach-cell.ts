/**
 * Puts a cell's methods, its head and its starting adapter on its base. config.json alone tells whether they
 * go together, so that a plan can be refused before weights are read or fetched.
 */
import { counted } from '../../support/counted.ts';
import { startFrom, type StoredTensors } from '../../exchange/adapter.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { baseWeightsText, packedSites } from '../../models/bases/base-weights.ts';
import { countParameters, type ParameterCounts } from '../../models/delta/count-parameters.ts';
import { isOfHead, readBy, withHead, type Head } from '../../models/delta/heads.ts';
import { unfrozenTensors } from '../../models/delta/trained-tensors.ts';
import type { Delta } from '../../models/method.ts';
import { UsageError } from '../../support/errors.ts';
import type { Cell } from '../plan/cell.ts';
import { answersOf } from '../plan/variants/variant.ts';
import { attachMethods, checkPooler } from './attach-method.ts';
import { chooseHead } from './choose-head.ts';

/** A cell with its methods on its base. */
export interface AttachedCell {
  readonly cell: Cell;
  /** The base, with the values that the starting adapter has for its tensors. */
  readonly base: BaseModel;
  /** What the methods add, and the head where there is one. */
  readonly delta: Delta;
  /** What classes and values are read with; undefined where the base writes its answers. */
  readonly head: Head | undefined;
  /** Whether the head begins with the values of the checkpoint. */
  readonly headFrom?: 'checkpoint';
  /** Whether any value of the methods or the head is drawn by the seed. */
  readonly isDrawn: boolean;
  readonly counts: ParameterCounts;
  /** What the user should know of base and head, a line each. */
  readonly notes: readonly string[];
}

/**
 * Attaches a cell to its base; throws UsageError where methods, head, adapter and base do not go together.
 */
export async function attachCell(cell: Cell, bare: BaseModel): Promise<AttachedCell> {
  const { start, variant } = cell;
  const known = start ? withPooler(bare, start.adapter.head) : bare;
  const { head, headFrom, ...chosen } = chooseHead(cell, known);
  const whole = head ? readBy(head, known) : known;
  const methods = await attachMethods(variant, whole);
  if (head) checkPooler(variant, methods, known, head);
  const begun = start
    ? startFrom(whole, methods, start.adapter, start.path)
    : { base: whole, delta: methods };
  // Where no model answers, its head is neither drawn nor trained.
  const isModel = answersOf(variant) === undefined;
  const trainedHead = isModel ? head : undefined;
  const delta = trainedHead ? withHead(begun.delta, trainedHead) : begun.delta;
  checkPackedTensors(variant.name, begun.base, delta);
  return {
    cell,
    base: begun.base,
    delta,
    head,
    ...(headFrom && { headFrom }),
    isDrawn:
      (trainedHead !== undefined && chosen.isDrawn) || drawsTensors(methods, start?.adapter.tensors ?? {}),
    counts: countParameters(begun.base, delta, trainedHead),
    notes: [...(isModel ? chosen.notes : []), ...unusedTensors(bare, head)],
  };
}

/** Throws UsageError where a method trains weights that the base keeps packed. */
export function checkPackedTensors(variant: string, base: BaseModel, delta: Delta): void {
  const { weights } = base;
  if (!weights) return;
  const packed = packedSites(base);
  const changed = [...unfrozenTensors(base, delta), ...(delta.edited ?? [])];
  const trained = changed.filter((name) => packed.has(name));
  if (trained.length === 0) return;
  throw new UsageError(
    `${variant} trains ${trained.length} of the weights that the base keeps in ${baseWeightsText(weights)} ` +
      `(${trained[0]!}${trained.length > 1 ? ', …' : ''}), which are frozen; give --base-weights float32.`,
  );
}

/** A base with the pooler that an adapter trained together with its head. */
function withPooler(base: BaseModel, head: StoredTensors): BaseModel {
  return {
    ...base,
    tensor: async (name) => head[name]?.data ?? base.tensor(name),
    location: (name, type) => (name in head ? undefined : base.location(name, type)),
  };
}

/** Whether methods have tensors of their own whose first values do not come from an adapter. */
function drawsTensors({ trained, frozen, state }: Delta, adapter: StoredTensors): boolean {
  return Object.keys({ ...trained, ...frozen, ...state }).some((name) => !(name in adapter));
}

/** One line on the tensors of a base's checkpoint that nothing here reads, by module. */
function unusedTensors(base: BaseModel, chosen: Head | undefined): string[] {
  const { id, unused = [], head, headLayers, architecture } = base;
  const readsHead = head !== undefined || (headLayers !== undefined && chosen?.name === 'huggingface');
  const isRead = (name: string): boolean =>
    (architecture.kind === 'encoder' ? readsHead : chosen !== undefined) && isOfHead(name, architecture);
  const left = unused.filter((name) => !isRead(name));
  if (left.length === 0) return [];
  const counts = new Map<string, number>();
  for (const name of left) {
    const module = /^(?:roberta|\w*bert|electra|deberta)\.[^.]+|^[^.]+/.exec(name)![0];
    counts.set(module, (counts.get(module) ?? 0) + 1);
  }
  const named = [...counts].map(([module, count]) => `${module} (${counted(count, 'tensor')})`);
  return [`Not used of the checkpoint of ${id}: ${named.join(', ')}.`];
}
