/**
 * Decides whether a model's output weight is its embedding. config.json is not reliable: it may say `tied`
 * although the checkpoint holds another output weight, as after merging a retrained one, and transformers 5
 * saves every T5 as tied.
 */
import type { Checkpoint } from '../../data/formats/checkpoint.ts';
import { UsageError } from '../../support/errors.ts';
import type { BaseModel } from '../base-model.ts';
import { ownHeadName, type Architecture } from '../architecture.ts';

/** Whether an architecture's output weight is separate from the embedding. */
export function hasOwnHead(architecture: Architecture): boolean {
  return architecture.kind !== 'encoder' && architecture.head === ownHeadName;
}

/**
 * Whether the checkpoint's output weight is separate from the embedding, decided as transformers 5.24 does.
 * If config.json ties them and both tensors are stored, they are separate only if they differ; if one is
 * stored, it serves as both. Throws UsageError if copies of the embedding differ.
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
 * Whether a checkpoint is a classifier's that holds no output weight, although config.json, read as `architecture`,
 * says that its base has one of its own.
 */
export function lacksOutput(architecture: Architecture, { names }: Checkpoint): boolean {
  if (!hasOwnHead(architecture)) return false;
  const outputs = [ownHeadName, ...(architecture.aliases?.(ownHeadName) ?? [])];
  return (
    !names.some((name) => outputs.includes(name)) && names.some((name) => architecture.isOtherHead?.(name))
  );
}

/** Throws UsageError where a base is asked to predict tokens and its checkpoint is a classifier's that cannot. */
export function requireOutput({ id, lacksOutput }: Pick<BaseModel, 'id' | 'lacksOutput'>): void {
  if (!lacksOutput) return;
  throw new UsageError(
    `The checkpoint of ${id} is a classifier's: it has no ${ownHeadName}, so that it writes neither texts nor ` +
      'classes in words. Classify with its head by --protocol huggingface, or give a base that has the weight.',
  );
}

/**
 * The names under which a checkpoint may hold copies of the embedding. `findOwnHead` makes sure that they are
 * equal.
 */
export function copiesOfEmbedding(architecture: Architecture): readonly string[] {
  if (architecture.kind === 'encoder') return [];
  const { embedding, aliases } = architecture;
  return [embedding, ...(aliases?.(embedding) ?? [])];
}
