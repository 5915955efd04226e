/**
 * Writes event files for TensorBoard while a sweep goes on (`run --log tensorboard`): losses and speed after every
 * step, and at a run's end its validation and its test. They lie in results/tensorboard, by the path of the record.
 */
import { appendFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { scalarRecord, startRecord, versionRecord, type Scalar } from '../../records/event-file.ts';
import { cellName, recordPath } from '../../records/record-files.ts';
import type { RunRecord } from '../../records/record.ts';
import { makeFolder } from '../../support/atomic-files.ts';
import { messageOf } from '../../support/errors.ts';
import type { RunEvents } from '../execute/executor.ts';
import { addressOf, type Cell } from '../plan/cell.ts';

/** The folder of event files in a results folder. */
const folderName = 'tensorboard';

/** Events that are also written for TensorBoard; `close` waits for what is still being written. */
export function logToTensorboard(
  results: string,
  events: RunEvents,
): { readonly events: RunEvents; readonly close: () => Promise<void> } {
  const logs = new Map<string, EventFile>();
  const logOf = (cell: Cell): EventFile => {
    const folder = cellName(recordPath(join(results, folderName), addressOf(cell)));
    const log = logs.get(folder) ?? new EventFile(folder, events.onNote);
    logs.set(folder, log);
    return log;
  };
  return {
    events: {
      ...events,
      onProgress(progress, cell) {
        events.onProgress(progress, cell);
        const { done: step, numbers = {} } = progress;
        logOf(cell).add(
          Object.entries(numbers).map(([name, value]) => ({ tag: `train/${name}`, step, value })),
        );
      },
      onEnd(record, path, cell) {
        events.onEnd(record, path, cell);
        logOf(cell).add(endScalars(record));
      },
    },
    close: async () => {
      for (const log of logs.values()) await log.written();
    },
  };
}

/** What a finished run says of validation, step by step, and of the test at the chosen step. */
function endScalars({ training, metrics }: RunRecord): Scalar[] {
  const validation = (training?.evaluations ?? []).flatMap(({ step, loss, metrics: scores = {} }) =>
    Object.entries({ loss, ...scores }).flatMap(([name, value]) =>
      value === null ? [] : [{ tag: `validation/${name}`, step, value }],
    ),
  );
  const step = training?.bestStep ?? 0;
  return [...validation, ...metrics.map(({ name, value }) => ({ tag: `test/${name}`, step, value }))];
}

/** The event file of one run. Records are written in order, and what cannot be written is told once. */
class EventFile {
  readonly #path: string;
  readonly #onNote: (text: string) => void;
  #writing: Promise<void>;
  #hasSteps = false;
  #failed = false;

  constructor(folder: string, onNote: (text: string) => void) {
    // Later files of a folder go on from earlier ones; readers sort them by the number.
    this.#path = join(folder, `events.out.tfevents.${Date.now()}.deltabench`);
    this.#onNote = onNote;
    this.#writing = makeFolder(folder).then(
      () => this.#write(versionRecord(Date.now())),
      (error: unknown) => {
        this.#fail(error);
      },
    );
  }

  add(scalars: readonly Scalar[]): void {
    const [first] = scalars;
    if (!first) return;
    const time = Date.now();
    const start = this.#hasSteps ? [] : [startRecord(time, first.step)];
    this.#hasSteps = true;
    const records = Buffer.concat([...start, ...scalars.map((scalar) => scalarRecord(time, scalar))]);
    this.#writing = this.#writing.then(() => this.#write(records));
  }

  written(): Promise<void> {
    return this.#writing;
  }

  async #write(records: Buffer): Promise<void> {
    if (this.#failed) return;
    try {
      await appendFile(this.#path, records);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#onNote(`${dirname(this.#path)}: nothing more is logged for TensorBoard: ${messageOf(error)}`);
  }
}
