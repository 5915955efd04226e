/** Reports the events of runs on standard error: starts, progress, results and notes. */
import { validationOf } from '../../records/validation.ts';
import type { RunEvents } from '../../runs/execute/executor.ts';
import type { Cell } from '../../runs/plan/cell.ts';
import { note, trainableLine } from './output.ts';
import { createProgress, timeLeft } from './progress.ts';
import { createSweepProgress } from './sweep-progress.ts';

/** Reports the events of runs; `stop` ends a bar, so that other lines may be written. */
export interface Reporter {
  readonly events: RunEvents;
  stop(): void;
}

/** A reporter for runs that follow each other, or of which several go on at once. */
export function createReporter(severalAtOnce: boolean): Reporter {
  return severalAtOnce ? sideBySide() : oneByOne();
}

/** Reports runs that follow each other. */
function oneByOne(): Reporter {
  const progress = createProgress();
  const common = lines(progress.stop);
  const begun = performance.now();
  let ended = 0;
  let all = 0;
  return {
    stop: progress.stop,
    events: {
      ...common,
      onStart(cell, counts, number, total) {
        all = total;
        common.onStart(cell, counts, number, total);
      },
      onProgress(done) {
        progress.update(done);
      },
      onEnd(record, path, cell) {
        common.onEnd(record, path, cell);
        ended++;
        const seconds = (performance.now() - begun) / 1000;
        if (ended < all) note(`${ended} of ${all} runs done, ${timeLeft((seconds / ended) * (all - ended))}`);
      },
    },
  };
}

/** Reports runs that go on side by side. */
function sideBySide(): Reporter {
  const progress = createSweepProgress();
  const common = lines(progress.stop);
  return {
    stop: progress.stop,
    events: {
      ...common,
      onStart(cell, counts, number, total) {
        common.onStart(cell, counts, number, total);
        progress.start(title(cell), total);
      },
      onProgress(done, cell) {
        progress.update(title(cell), done);
      },
      onEnd(record, path, cell) {
        progress.end(title(cell));
        common.onEnd(record, path, cell);
      },
    },
  };
}

function lines(stop: () => void): Omit<RunEvents, 'onProgress'> {
  return {
    onStart(cell, counts, number, total) {
      stop();
      note(`[${number}/${total}] ${title(cell)}\n${trainableLine(counts)}`);
    },
    onEnd(record, path, { task }) {
      stop();
      const scores = record.metrics.map(
        ({ name, value, scale, decimals }) => `${name} ${(value * scale).toFixed(decimals)}`,
      );
      // Trials of tuning have no test.
      const validation = record.settings.judgedOn && validationOf(task, record);
      if (validation) scores.push(`validation ${validation.metric} ${validation.value.toPrecision(4)}`);
      const outcome = record.error
        ? `failed: ${record.error.name}: ${record.error.message}`
        : scores.join(', ') || 'trained';
      note(`${outcome} (${path})`);
    },
    onNote(text) {
      stop();
      note(text);
    },
  };
}

function title({ task, model, variant, seed }: Cell): string {
  return `${task.name} · ${model} · ${variant.label} · seed ${seed}`;
}
