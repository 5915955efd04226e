/** Handles Ctrl-C and SIGTERM: the first asks the work to save and stop, the second ends the process. */
import { Interrupted } from '../../training/loop/job.ts';
import { note } from './output.ts';

/** Milliseconds that work has to end after it was told to stop. */
const PATIENCE = 1000;

/** The first Ctrl-C asks the work to save and stop; the second ends the process. */
export function stopOnSignals(onStop: () => void): AbortController {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) return;
    controller.abort(new Interrupted('stopped by a signal'));
    onStop();
    note('Stopping after this step; Ctrl-C again stops at once.');
    // tsx sends a signal on although the terminal has sent it: only one that comes later is a second wish.
    setTimeout(() => {
      process.off('SIGINT', stop).off('SIGTERM', stop);
    }, 1000).unref();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return controller;
}

/**
 * Says that a command was stopped, and ends the process even where reading or fetching is still under way.
 */
export function endStopped(text = 'Stopped. The same command goes on from here.'): void {
  note(text);
  process.exitCode = 130;
  setTimeout(() => process.exit(130), PATIENCE).unref();
}
