/**
 * An evaluation under way: its documents, their outcomes so far, and the record at the end. Outcomes are kept
 * in a file, so that a killed process loses one batch at most. What an outcome is depends on the kind of
 * evaluation (choice-work.ts, text-work.ts); this file must not know it.
 */
import { open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { z } from 'zod';
import type { AskedDocument } from '../../evaluation/evaluation.ts';
import { meanOf } from '../../evaluation/measures.ts';
import { sealEvaluation, type EvaluationRecord } from '../../records/evaluation-record.ts';
import { tryLock, type Lock } from '../../records/file-lock.ts';
import { makeFolder, writeError, writeFileAtomic } from '../../support/atomic-files.ts';
import { UsageError } from '../../support/errors.ts';
import { sha256 } from '../../support/hash.ts';

/** The documents of an evaluation and the meaning of an outcome, the result of one document. */
export interface Work<Outcome> {
  readonly measures: readonly string[];
  readonly documents: number;
  /** Number of prompts that are cut to fit the base's window. */
  readonly cut: number;
  /** The schema of an outcome in the file of outcomes. */
  readonly outcome: z.ZodType<Outcome>;
  /** Whether a well-formed outcome can be that of the document. */
  fits(outcome: Outcome, document: number): boolean;
  /** Gives the reason why an outcome cannot be scored, as the end of a sentence; undefined if it can. */
  faultOf(outcome: Outcome): string | undefined;
  /** Scores an outcome that has no fault. */
  judge(outcome: Outcome, document: number): Judgement;
  /**
   * Gives a document's texts and its right answer, for the files of other tools; records hold no texts of
   * data.
   */
  askedAt(document: number): AskedDocument;
}

/** What an outcome is worth. */
export interface Judgement {
  /** The document's scores, in the order of `measures`. */
  readonly scores: readonly number[];
  /** The fields of the document in the file of samples, without its scores. */
  readonly sample: object;
  /** Whether no answer could be read; absent where answers are not read out of texts. */
  readonly isUnread?: boolean;
}

/** An evaluation's settings, the path of its record, and its work. */
export interface Prepared<Outcome> {
  readonly settings: EvaluationRecord['settings'];
  readonly identity: string;
  readonly path: string;
  /** The number of documents before `--limit`. */
  readonly of: number;
  readonly work: Work<Outcome>;
}

/** The record's fields for code, environment, label of the subject, and engine. */
export type About = Pick<EvaluationRecord, 'code' | 'environment' | 'label' | 'engine'>;

/** An evaluation under way; a lock keeps other processes from doing it at the same time. */
export class OpenEvaluation<Outcome> {
  readonly prepared: Prepared<Outcome>;
  /** Outcomes by document. */
  readonly #outcomes: Map<number, Outcome>;
  readonly #lock: Lock;
  readonly #log: FileHandle;
  readonly #started = new Date();

  private constructor(
    prepared: Prepared<Outcome>,
    outcomes: Map<number, Outcome>,
    lock: Lock,
    log: FileHandle,
  ) {
    this.prepared = prepared;
    this.#outcomes = outcomes;
    this.#lock = lock;
    this.#log = log;
  }

  /**
   * Opens an evaluation and continues where an earlier process stopped; throws UsageError if another process
   * is doing it.
   */
  static async open<Outcome>(prepared: Prepared<Outcome>): Promise<OpenEvaluation<Outcome>> {
    const { path, identity, work } = prepared;
    await makeFolder(dirname(path));
    const lock = await tryLock(path.replace(/\.json$/, '.lock'));
    if (!lock)
      throw new UsageError(
        `${path}: another process does this evaluation now; wait for it, or use another --results.`,
      );
    try {
      const file = logPath(path);
      const outcomes = readLog(await readFile(file, 'utf8').catch(() => ''), identity, work);
      // The file is written anew, since the last line of a killed process may be incomplete.
      const lines = [...outcomes].map((entry) => JSON.stringify(entry));
      await writeFileAtomic(file, `${[JSON.stringify({ identity }), ...lines].join('\n')}\n`);
      return new OpenEvaluation(prepared, outcomes, lock, await open(file, 'a'));
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  isDone(document: number): boolean {
    return this.#outcomes.has(document);
  }

  /** Whether every document has an outcome. */
  get isComplete(): boolean {
    return this.#outcomes.size === this.prepared.work.documents;
  }

  /** The documents without an outcome. */
  get missing(): number[] {
    const all = Array.from({ length: this.prepared.work.documents }, (_, document) => document);
    return all.filter((document) => !this.isDone(document));
  }

  /** Keeps a document's outcome, also in the file; throws UsageError if the system refuses to write. */
  async keep(document: number, outcome: Outcome): Promise<void> {
    this.#outcomes.set(document, outcome);
    try {
      await this.#log.appendFile(`${JSON.stringify([document, outcome])}\n`);
    } catch (error) {
      throw writeError(logPath(this.prepared.path), error);
    }
  }

  /**
   * Writes the record of an evaluation whose documents all have an outcome, or that failed with `failure`.
   */
  async finish(about: About, failure?: Error): Promise<EvaluationRecord> {
    const { settings, identity, path, of, work } = this.prepared;
    const outcomes = [...this.#outcomes].sort(([a], [b]) => a - b);
    const error = failure ? { name: failure.name, message: failure.message } : firstFault(outcomes, work);
    const judgements = error ? [] : outcomes.map(([document, outcome]) => work.judge(outcome, document));
    const readsTexts = judgements.some(({ isUnread }) => isUnread !== undefined);
    const common = {
      schema: 1 as const,
      kind: 'evaluation' as const,
      identity,
      settings,
      ...about,
      started: this.#started.toISOString(),
      ended: new Date().toISOString(),
      documents: {
        used: work.documents,
        of,
        cut: work.cut,
        ...(readsTexts && { unread: judgements.filter(({ isUnread }) => isUnread).length }),
      },
    };
    let record: EvaluationRecord;
    if (error) {
      record = sealEvaluation({ ...common, status: 'failed', error, metrics: [], files: {} });
    } else {
      const lines = judgements.map(({ scores, sample }) => {
        const own = work.measures.map((measure, place) => [measure, scores[place]] as const);
        return JSON.stringify({ ...sample, ...Object.fromEntries(own) });
      });
      const samples = `${lines.join('\n')}\n`;
      const file = path.replace(/\.json$/, '.samples.jsonl');
      await writeFileAtomic(file, samples);
      record = sealEvaluation({
        ...common,
        status: 'finished',
        metrics: work.measures.map((name, place) => {
          const { value, standardError } = meanOf(judgements.map(({ scores }) => scores[place]!));
          return { name, value, ...(standardError !== undefined && { standardError }) };
        }),
        files: { samples: { name: basename(file), sha256: sha256(samples) } },
      });
    }
    await writeFileAtomic(path, `${JSON.stringify(record, undefined, 2)}\n`);
    await rm(logPath(path), { force: true });
    return record;
  }

  /** Closes the file and releases the lock. */
  async close(): Promise<void> {
    await this.#log.close();
    await this.#lock.release();
  }
}

/** Gives the error of the first document that cannot be scored. */
function firstFault<Outcome>(
  outcomes: readonly (readonly [number, Outcome])[],
  work: Work<Outcome>,
): EvaluationRecord['error'] {
  for (const [document, outcome] of outcomes) {
    const fault = work.faultOf(outcome);
    if (fault !== undefined) return { name: 'NotFinite', message: `document ${document + 1}: ${fault}` };
  }
  return undefined;
}

const logPath = (path: string): string => path.replace(/\.json$/, '.work.jsonl');

/**
 * Reads the outcomes in a file. Incomplete lines are left out, and all lines if the file is another
 * evaluation's.
 */
function readLog<Outcome>(text: string, identity: string, work: Work<Outcome>): Map<number, Outcome> {
  const outcomes = new Map<number, Outcome>();
  const [first, ...lines] = text.split('\n');
  if (first !== JSON.stringify({ identity })) return outcomes;
  for (const line of lines) {
    try {
      const [document, kept] = JSON.parse(line) as [number, unknown];
      const { data } = work.outcome.safeParse(kept);
      const isDocument = Number.isInteger(document) && document >= 0 && document < work.documents;
      if (isDocument && data !== undefined && work.fits(data, document)) outcomes.set(document, data);
    } catch {
      // A killed process may leave an incomplete line.
    }
  }
  return outcomes;
}
