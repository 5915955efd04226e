/** One cell's training and test. */
import type { BeforeRename } from '../../support/atomic-files.ts';
import type { Engine } from '../../engine/types.ts';
import type { Companion } from '../../training/loop/train-together.ts';
import type { CellProgress } from './save-results.ts';
import type { PreparedCell } from './prepare-cells.ts';

export interface CellRun {
  readonly run: PreparedCell;
  readonly engine: Engine;
  /** Where checkpoints lie. */
  readonly folder: string;
  readonly events: { onProgress(progress: CellProgress): void; onNote(text: string): void };
  readonly signal: AbortSignal;
  /** Asked before each file of the cell gets its name. */
  readonly mayWrite: BeforeRename;
  /** Its place among cells that are trained in one program. */
  readonly companion?: Companion;
}
