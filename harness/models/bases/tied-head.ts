/**
 * Whether a model's output is its embedding: config.json often says so where the file holds another output,
 * which a merge of a retrained one leaves behind, and transformers 5 saves every T5 as tied.
 */
import type { Checkpoint } from '../../data/formats/checkpoint.ts';
import { UsageError } from '../../support/errors.ts';
import { ownHeadName, type Architecture } from '../architecture.ts';

/** Whether an architecture's output has a weight of its own. */
export function hasOwnHead(architecture: Architecture): boolean {
  return architecture.kind !== 'encoder' && architecture.head === ownHeadName;
}

/**
 * Whether the output of a checkpoint has a weight of its own, decided as transformers 5.24 does: where
 * config.json ties it and both tensors are there, by whether they differ; where only one is there, it is
 * both. Throws UsageError where copies of the embedding differ.
 */
export async function findOwnHead(
  id: string,
  architecture: Architecture,
  checkpoint: Checkpoint,
): Promise<boolean> {
  if (architecture.kind === 'encoder') return false;
  if (!architecture.mayTie) return true;
  const names = new Set(checkpoint.names);
  const [table, ...copies] = copiesOfEmbedding(architecture).filter(
    (name) => names.has(name) && name !== ownHeadName,
  );
  if (table === undefined) return false;
  for (const copy of copies) {
    if (await checkpoint.isSame(table, copy)) continue;
    throw new UsageError(
      `The checkpoint of ${id} has ${table} and ${copy}, which differ; deltabench has one embedding for a model.`,
    );
  }
  return names.has(ownHeadName) && !(await checkpoint.isSame(table, ownHeadName));
}

/**
 * Names under which a checkpoint may hold a decoder's embedding again; `findOwnHead` finds such copies equal
 * or refuses.
 */
export function copiesOfEmbedding(architecture: Architecture): readonly string[] {
  if (architecture.kind === 'encoder') return [];
  const { embedding, aliases } = architecture;
  return [embedding, ...(aliases?.(embedding) ?? [])];
}
