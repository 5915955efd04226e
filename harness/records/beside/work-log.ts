/**
 * The file beside a record in which finished pieces of its work are kept until the record is whole, so that a
 * killed process loses none of them. Evaluations and judgements use it; runs have checkpoints instead.
 */
import { open, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeFolder, writeError, writeFileAtomic } from '../../support/atomic-files.ts';
import { UsageError } from '../../support/errors.ts';
import { readBytes } from '../../support/read-files.ts';
import { tryLock, type Lock } from '../locks/file-lock.ts';

/** The error of work that another process is doing. */
export class Busy extends UsageError {
  override readonly name = 'Busy';
}

/** A piece of work by its key, and what came of it. */
export type Piece<Key, Outcome> = readonly [Key, Outcome];

/** The pieces that are done; a lock keeps other processes from the same work. */
export class WorkLog<Key extends string | number, Outcome> {
  readonly #path: string;
  readonly #pieces: Map<Key, Outcome>;
  readonly #lock: Lock;
  readonly #file: FileHandle;

  private constructor(path: string, pieces: Map<Key, Outcome>, lock: Lock, file: FileHandle) {
    this.#path = path;
    this.#pieces = pieces;
    this.#lock = lock;
    this.#file = file;
  }

  /**
   * Opens the log of the record at `record`, with the pieces that an earlier process kept. `read` checks a
   * line's key and outcome and gives undefined for what is none. Throws Busy if another process has it.
   */
  static async open<Key extends string | number, Outcome>(
    record: string,
    identity: string,
    read: (line: unknown) => Piece<Key, Outcome> | undefined,
  ): Promise<WorkLog<Key, Outcome>> {
    await makeFolder(dirname(record));
    const lock = await tryLock(record.replace(/\.json$/, '.lock'));
    if (!lock)
      throw new Busy(`${record}: another process does this now; wait for it, or use another --results.`);
    try {
      const path = logPath(record);
      const pieces = readPieces(await readBytes(path).then(String, () => ''), identity, read);
      // The file is written anew, since the last line of a killed process may be incomplete.
      const lines = [...pieces].map((piece) => JSON.stringify(piece));
      await writeFileAtomic(path, `${[JSON.stringify({ identity }), ...lines].join('\n')}\n`);
      return new WorkLog(path, pieces, lock, await open(path, 'a'));
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  get(key: Key): Outcome | undefined {
    return this.#pieces.get(key);
  }

  /** All pieces, in the order of their keys' first outcomes. */
  get pieces(): Piece<Key, Outcome>[] {
    return [...this.#pieces];
  }

  /** Keeps an outcome, also in the file; throws UsageError if the system refuses to write. */
  async keep(key: Key, outcome: Outcome): Promise<void> {
    this.#pieces.set(key, outcome);
    try {
      await this.#file.appendFile(`${JSON.stringify([key, outcome])}\n`);
    } catch (error) {
      throw writeError(this.#path, error);
    }
  }

  /** Aborted when the heartbeat finds the work taken over by another process. */
  get lost(): AbortSignal {
    return this.#lock.lost;
  }

  /** Throws LostLock if another process has taken the work over; asked before a record is written. */
  check(): Promise<void> {
    return this.#lock.check();
  }

  /** Removes the file, once the record holds what it held. */
  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  /** Closes the file and releases the lock. */
  async close(): Promise<void> {
    await this.#file.close();
    await this.#lock.release();
  }
}

const logPath = (record: string): string => record.replace(/\.json$/, '.work.jsonl');

/** Reads a log; incomplete lines are left out, and all lines if the log is of other work. */
function readPieces<Key, Outcome>(
  text: string,
  identity: string,
  read: (line: unknown) => Piece<Key, Outcome> | undefined,
): Map<Key, Outcome> {
  const [first, ...lines] = text.split('\n');
  if (first !== JSON.stringify({ identity })) return new Map();
  return new Map(
    lines.flatMap((line) => {
      const piece = read(parseLine(line));
      return piece ? [piece] : [];
    }),
  );
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // A killed process may leave an incomplete line.
    return undefined;
  }
}
