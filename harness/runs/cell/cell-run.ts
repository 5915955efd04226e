/** What the training and the test of one cell are given. */
import type { Engine } from '../../engine/types.ts';
import type { BeforeRename } from '../../support/atomic-files.ts';
import { randomStream } from '../../support/numbers/random-stream.ts';
import type { Companion } from '../../training/loop/train-together.ts';
import { memoryCase } from '../memory/cell-memory.ts';
import { activationLimit } from '../memory/estimate-memory.ts';
import type { PreparedCell } from './prepare-cells.ts';
import type { CellProgress } from './save-results.ts';

/** One cell, and what it is trained and tested with. */
export interface CellRun {
  readonly run: PreparedCell;
  readonly engine: Engine;
  /** The memory that the run has, in bytes; undefined on a device whose memory is not asked for. */
  readonly memory: number | undefined;
  readonly recompute: boolean;
  /** The folder of its checkpoints. */
  readonly folder: string;
  readonly events: { onProgress(progress: CellProgress): void; onNote(text: string): void };
  readonly signal: AbortSignal;
  /** Asked before each file of the cell gets its name; throws where the cell is no longer this process's. */
  readonly mayWrite: BeforeRename;
  /** Its place among cells that are trained in one program. */
  readonly companion?: Companion;
}

/** The part of a training job that is the same for every kind of task. */
export function commonJob({ run, engine, memory, recompute, ...others }: CellRun) {
  const { base, delta, cell } = run;
  const { folder, events, signal, mayWrite, companion } = others;
  return {
    engine,
    base,
    delta,
    recipe: cell.recipe,
    ...(memory !== undefined && { activations: activationLimit(memoryCase(run, memory, recompute)) }),
    seed: cell.seed,
    folder,
    signal,
    mayWrite,
    ...(companion && { companion }),
    onNote: events.onNote,
  };
}

/**
 * The examples to learn from: of those that `--limit` allows as many as the recipe says, in the data's order. A
 * seed draws them so that a smaller number's are among a larger one's.
 */
export function trainingExamples<T>(cellRun: CellRun, items: readonly T[]): readonly T[] {
  const all = limited(cellRun, items);
  const { seed, recipe } = cellRun.run.cell;
  if (recipe.trainExamples === undefined) return all;
  const drawn = randomStream(seed, 'train-examples').permutation(all.length).slice(0, recipe.trainExamples);
  return Array.from(drawn.sort(), (at) => all[at]!);
}

/** The first examples of a split, as many as `--limit` allows. */
export function limited<T>({ run }: CellRun, items: readonly T[]): readonly T[] {
  return items.slice(0, run.cell.limits.examples ?? undefined);
}
