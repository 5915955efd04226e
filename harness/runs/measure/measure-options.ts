/** What the measurements of finished runs take beside the runs. */
import type { EngineChoice } from '../plan/engine-choice.ts';

/** What a measurement needs beside the runs. */
export interface MeasureOptions {
  readonly engine: EngineChoice;
  readonly tokenizer?: string | undefined;
  readonly signal: AbortSignal;
  onProgress(done: number, total: number): void;
}
