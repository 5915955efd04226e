import { Interrupted } from '../training/types.ts';
import { note } from './output.ts';

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
