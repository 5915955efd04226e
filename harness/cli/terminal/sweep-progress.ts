/** Progress of a sweep whose cells run side by side, on standard error. */
import cliProgress from 'cli-progress';
import type { CellProgress } from '../../runs/cell/save-results.ts';
import { note } from './output.ts';
import { lineSeconds, timeLeft } from './progress.ts';

/** Shows the progress of a sweep and of each of its cells, with the time left. */
export interface SweepProgress {
  start(cell: string, total: number): void;
  update(cell: string, progress: CellProgress): void;
  end(cell: string): void;
  /** Ends the bars, so that other lines may be written; the next update shows them again. */
  stop(): void;
}

/** Progress on standard error: bars on a terminal, elsewhere a line every few seconds. */
export function createSweepProgress(): SweepProgress {
  const sweep = new Sweep();
  const show = process.stderr.isTTY ? new Bars() : new Lines();
  return {
    start(cell, total) {
      sweep.total = total;
      sweep.running.set(cell, undefined);
    },
    update(cell, progress) {
      sweep.running.set(cell, progress);
      show.update(sweep);
    },
    end(cell) {
      sweep.running.delete(cell);
      sweep.ended++;
    },
    stop() {
      show.stop();
    },
  };
}

class Sweep {
  total = 0;
  ended = 0;
  readonly running = new Map<string, CellProgress | undefined>();
  readonly #start = performance.now();

  /** Such as `3 min left`; empty while nothing is known. */
  get left(): string {
    const done = this.ended + [...this.running.values()].reduce((sum, cell) => sum + shareDone(cell), 0);
    if (done < 0.05) return '';
    return timeLeft(((performance.now() - this.#start) / 1000 / done) * (this.total - done));
  }
}

/** The share of a cell that is done, by the guess that training takes four fifths of it. */
function shareDone(progress: CellProgress | undefined): number {
  if (!progress) return 0;
  const share = progress.done / Math.max(1, progress.total);
  return progress.phase === 'train' ? 0.8 * share : 0.8 + 0.2 * share;
}

class Lines {
  #next = 0;

  update(sweep: Sweep): void {
    if (performance.now() < this.#next) return;
    this.#next = performance.now() + lineSeconds * 1000;
    const cells = [...sweep.running].flatMap(([cell, progress]) =>
      progress ? `${cell}: ${progress.phase} ${progress.done}/${progress.total}` : [],
    );
    const all = [`${sweep.ended}/${sweep.total} cells`, sweep.left].filter(Boolean).join(', ');
    note([all, ...cells].join(' | '));
  }

  stop(): void {
    // Lines need no end.
  }
}

class Bars {
  #bars: cliProgress.MultiBar | undefined;
  #all: cliProgress.SingleBar | undefined;
  readonly #cells = new Map<string, cliProgress.SingleBar>();

  update(sweep: Sweep): void {
    this.#bars ??= new cliProgress.MultiBar({
      format: '{bar} {value}/{total}  {name}  {detail}',
      hideCursor: true,
      barsize: 24,
      clearOnComplete: true,
    });
    this.#all ??= this.#bars.create(sweep.total, 0);
    this.#all.update(sweep.ended, { name: 'cells', detail: sweep.left });
    for (const [cell, bar] of this.#cells) {
      if (sweep.running.has(cell)) continue;
      this.#bars.remove(bar);
      this.#cells.delete(cell);
    }
    for (const [cell, progress] of sweep.running) {
      if (!progress) continue;
      const bar = this.#cells.get(cell) ?? this.#bars.create(progress.total, 0);
      this.#cells.set(cell, bar);
      bar.setTotal(progress.total);
      bar.update(progress.done, { name: cell, detail: `${progress.phase}  ${progress.detail}` });
    }
  }

  stop(): void {
    this.#bars?.stop();
    this.#bars = undefined;
    this.#all = undefined;
    this.#cells.clear();
  }
}
