// @ts-check
/**
 * The heartbeat of a lock that this process holds, as a program of a worker thread: file-lock.ts starts it,
 * because a long step of training lets nothing else run in the main thread. Every few seconds it writes the
 * lock's own text over itself, so that the file system's clock keeps the time. It never writes over another
 * owner's lock: it reports that one as lost. Plain JavaScript, for a worker gets no loader of TypeScript.
 */
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { setInterval } from 'node:timers';
import { parentPort, workerData } from 'node:worker_threads';

// The lock file, its owner's text, and the seconds between two beats.
// eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- a worker's data has no type but this cast
const { path, text, every } = /** @type {{ path: string, text: string, every: number }} */ (workerData);

setInterval(beat, every * 1000);

function beat() {
  try {
    const file = openSync(path, 'r+');
    try {
      if (readFileSync(file, 'utf8') === text) {
        writeSync(file, text, 0);
        fsyncSync(file);
      } else reportLost();
    } finally {
      closeSync(file);
    }
  } catch (error) {
    // Any other error, such as of a network file system, may pass until the next beat.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') reportLost();
  }
}

function reportLost() {
  parentPort?.postMessage('lost');
}
