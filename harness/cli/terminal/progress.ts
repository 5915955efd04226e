/** Progress of one thing at a time on standard error. */
import cliProgress from 'cli-progress';
import type { CellProgress } from '../../runs/cell/save-results.ts';
import { durationText } from './duration.ts';
import { note } from './output.ts';

/** Seconds between two lines where there is no terminal. */
export const lineSeconds = 5;

/** The progress of a phase of a run, or of other work. */
type Done = Omit<CellProgress, 'phase'> & {
  readonly phase: string;
  /** The share of the work that is done, 0 to 1, where that is not `done` of `total`. */
  readonly share?: number;
};

const shareOf = ({ done, total, share = done / total }: Omit<Done, 'phase' | 'detail'>): number => share;

/** Shows progress: a bar on a terminal, elsewhere a plain line every few seconds. */
export interface Progress {
  update(progress: Done): void;
  /** Ends the bar, so that other lines may be written. */
  stop(): void;
}

/** Progress on standard error. */
export function createProgress(): Progress {
  return process.stderr.isTTY ? barProgress() : lineProgress();
}

function barProgress(): Progress {
  let bar: cliProgress.SingleBar | undefined;
  let timer: Timer | undefined;
  const stop = () => {
    bar?.stop();
    bar = undefined;
    timer = undefined;
  };
  return {
    update(progress) {
      if (timer?.phase !== progress.phase) stop();
      timer ??= new Timer(progress);
      if (!bar) {
        bar = new cliProgress.SingleBar({
          format: `${progress.phase} {bar} {value}/{total}  {left}  {detail}`,
          hideCursor: true,
          barsize: 24,
        });
        bar.start(progress.total, progress.done, { left: '', detail: '' });
      }
      bar.setTotal(progress.total);
      bar.update(progress.done, { left: timer.left(progress), detail: progress.detail });
    },
    stop,
  };
}

function lineProgress(): Progress {
  let timer: Timer | undefined;
  let next = 0;
  return {
    update(progress) {
      const isNew = timer?.phase !== progress.phase;
      if (isNew) timer = new Timer(progress);
      if (!isNew && performance.now() < next) return;
      next = performance.now() + lineSeconds * 1000;
      const { phase, done, total, detail } = progress;
      note([`${phase} ${done}/${total}`, detail, timer!.left(progress)].filter(Boolean).join(', '));
    },
    stop() {
      timer = undefined;
    },
  };
}

/** Tells the time left of one phase. */
export class Timer {
  readonly phase: string;
  // A resumed phase does not begin at 0.
  readonly #first: number;
  readonly #start = performance.now();

  constructor(begun: Done) {
    this.phase = begun.phase;
    this.#first = shareOf(begun);
  }

  /** Such as `3 min left`; empty while nothing is known. */
  left(progress: Omit<Done, 'phase' | 'detail'>): string {
    const share = shareOf(progress);
    // A phase of nothing, such as a file below a megabyte, has no share.
    if (!(share > this.#first)) return '';
    return timeLeft(((performance.now() - this.#start) / 1000 / (share - this.#first)) * (1 - share));
  }
}

/** Such as `3 min left`. */
export function timeLeft(seconds: number): string {
  return `${durationText(seconds)} left`;
}
