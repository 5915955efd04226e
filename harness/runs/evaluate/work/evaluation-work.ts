/**
 * An evaluation under way: its documents, their outcomes so far, and the record at the end. Outcomes are kept
 * in a file, so that a killed process loses one batch at most. What an outcome is depends on the kind of
 * evaluation (choice-work.ts, text-work.ts); this file must not know it.
 */
import { basename } from 'node:path';
import { z } from 'zod';
import type { Tokenizer } from '../../../data/tokenizers/tokenizer.ts';
import type { LoadedModel, TrainedTensors } from '../../../decoding/programs.ts';
import type { AskedDocument } from '../../../evaluation/evaluation.ts';
import type { LikelihoodScorer } from '../../../evaluation/likelihoods/log-likelihoods.ts';
import { meanOf } from '../../../evaluation/measures.ts';
import type { PromptOptions } from '../../../evaluation/prompts.ts';
import type { WritingRules } from '../../../models/bases/generation-config.ts';
import { sealEvaluation, type EvaluationRecord } from '../../../records/evaluation-record.ts';
import { writeSealed } from '../../../records/sealed-record.ts';
import { WorkLog } from '../../../records/beside/work-log.ts';
import type { Load } from './time-model.ts';
import { writeFileAtomic } from '../../../support/atomic-files.ts';
import { sha256 } from '../../../support/hash.ts';

/** How an evaluation asks, and what the base's files say of the texts that it writes. */
export interface WorkOptions extends PromptOptions {
  readonly rules?: WritingRules | undefined;
}

/** A model that is evaluated, on an engine. */
export interface EvaluatedModel extends LoadedModel {
  readonly tensors: TrainedTensors;
  readonly tokenizer: Tokenizer;
  readonly scorer: LikelihoodScorer;
}

/** The documents of an evaluation under way and their outcomes so far. */
export interface Documents<Outcome> {
  /** The documents without a whole outcome. */
  readonly missing: readonly number[];
  isDone(document: number): boolean;
  /** The outcome of a document, or what there is of it. */
  outcomeOf(document: number): Outcome | undefined;
  /** Keeps a document's outcome; throws UsageError if the system refuses to write. */
  keep(document: number, outcome: Outcome): Promise<void>;
}

/** A part of an evaluation's work. */
export interface WorkPart {
  readonly load: Load;
  /** What is computed before it, by a program of its own: a beginning that it shares with parts after it. */
  readonly before?: Load | undefined;
  /** The name of its program, which parts of other evaluations may share; absent where nothing is compiled. */
  readonly program?: string;
  /** Times the part alone. */
  time(model: EvaluatedModel): Promise<PartTime>;
}

/** What timing a part found. */
export interface PartTime {
  readonly seconds: number;
  /** Seconds that the first time took beyond these; so many programs were compiled and loads computed meanwhile. */
  readonly start: { readonly seconds: number; readonly programs: number; readonly loads: readonly Load[] };
}

/** The documents of an evaluation and the meaning of an outcome, the result of one document. */
export interface Work<Outcome> {
  readonly measures: readonly string[];
  readonly documents: number;
  /** Number of prompts that are cut to fit the base's window. */
  readonly cut: number;
  /** Computes and keeps the outcomes of the missing documents; throws NotFinite if the model's numbers are not. */
  compute(documents: Documents<Outcome>, model: EvaluatedModel, signal: AbortSignal): Promise<void>;
  /** Continuations whose likelihood is asked for, or texts to write. */
  readonly requests: number;
  /**
   * The tokens to compute before each document has its outcome, padding and shared beginnings included; of texts
   * with as many new tokens as there may be.
   */
  readonly tokens: readonly number[];
  /** The parts of the work, of which a dry run times a few. */
  readonly parts: readonly WorkPart[];
  /** The schema of an outcome in the file of outcomes. */
  readonly outcome: z.ZodType<Outcome>;
  /** Whether a well-formed outcome can be that of the document. */
  fits(outcome: Outcome, document: number): boolean;
  /** Whether nothing is missing of an outcome, which may come in parts; always true where absent. */
  isWhole?(outcome: Outcome, document: number): boolean;
  /** Gives the reason why an outcome cannot be scored, as the end of a sentence; undefined if it can. */
  faultOf(outcome: Outcome): string | undefined;
  /** Scores an outcome that has no fault. */
  judge(outcome: Outcome, document: number): Judgement;
  /**
   * Gives a document's texts and its right answer, for the files of other tools; records hold no texts of
   * data.
   */
  askedAt(document: number): AskedDocument;
  /** Gives the outcomes in the form of another program, for a file beside the record. */
  publish?(outcomes: readonly Outcome[], ended: Date): Published;
}

/** A file for another program, the ending of its name, and the name that the model has in it. */
export interface Published {
  readonly ending: string;
  readonly text: string;
  readonly model: string;
}

/** What an outcome is worth. */
export interface Judgement {
  /** The document's scores, in the order of `measures`. */
  readonly scores: readonly number[];
  /** The fields of the document in the file of samples, without its scores. */
  readonly sample: object;
  /** Whether no answer could be read; absent where answers are not read out of texts. */
  readonly isUnread?: boolean;
  /** Whether a prompt was cut that only the outcome tells. */
  readonly isCut?: boolean;
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
export type About = Pick<
  EvaluationRecord,
  'code' | 'environment' | 'label' | 'engine' | 'peakMemoryBytes' | 'peakDeviceBytes'
>;

/** An evaluation under way; a lock keeps other processes from doing it at the same time. */
export class OpenEvaluation<Outcome> implements Documents<Outcome> {
  readonly prepared: Prepared<Outcome>;
  /** Outcomes by document. */
  readonly #log: WorkLog<number, Outcome>;
  readonly #started = new Date();
  readonly #onDocument: (document: number) => void;

  private constructor(
    prepared: Prepared<Outcome>,
    log: WorkLog<number, Outcome>,
    onDocument: (document: number) => void,
  ) {
    this.prepared = prepared;
    this.#log = log;
    this.#onDocument = onDocument;
  }

  /**
   * Opens an evaluation and continues where an earlier process stopped; throws Busy if another process is
   * doing it. `onDocument` is called after each document that is done.
   */
  static async open<Outcome>(
    prepared: Prepared<Outcome>,
    onDocument: (document: number) => void,
  ): Promise<OpenEvaluation<Outcome>> {
    const { path, identity, work } = prepared;
    const piece = z.tuple([z.int().min(0).lt(work.documents), work.outcome]);
    const log = await WorkLog.open(path, identity, (line) => {
      const { data } = piece.safeParse(line);
      return data && work.fits(data[1], data[0]) ? data : undefined;
    });
    return new OpenEvaluation(prepared, log, onDocument);
  }

  isDone(document: number): boolean {
    const outcome = this.#log.get(document);
    if (outcome === undefined) return false;
    return this.prepared.work.isWhole?.(outcome, document) ?? true;
  }

  /** The outcome of a document, or what there is of it. */
  outcomeOf(document: number): Outcome | undefined {
    return this.#log.get(document);
  }

  /** The documents without an outcome. */
  get missing(): number[] {
    const all = Array.from({ length: this.prepared.work.documents }, (_, document) => document);
    return all.filter((document) => !this.isDone(document));
  }

  /** Keeps a document's outcome, also in the file; throws UsageError if the system refuses to write. */
  async keep(document: number, outcome: Outcome): Promise<void> {
    await this.#log.keep(document, outcome);
    if (this.isDone(document)) this.#onDocument(document);
  }

  /**
   * Writes the record of an evaluation whose documents all have an outcome, or that failed with `failure`.
   */
  async finish(about: About, failure?: Error): Promise<EvaluationRecord> {
    await this.#log.check();
    const { settings, identity, path, of, work } = this.prepared;
    const outcomes = this.#log.pieces.sort(([a], [b]) => a - b);
    const error = failure ? { name: failure.name, message: failure.message } : firstFault(outcomes, work);
    const judgements = error ? [] : outcomes.map(([document, outcome]) => work.judge(outcome, document));
    const readsTexts = judgements.some(({ isUnread }) => isUnread !== undefined);
    const ended = new Date();
    const common = {
      schema: 1 as const,
      kind: 'evaluation' as const,
      identity,
      settings,
      ...about,
      started: this.#started.toISOString(),
      ended: ended.toISOString(),
      documents: {
        used: work.documents,
        of,
        cut: work.cut + judgements.filter(({ isCut }) => isCut).length,
        ...(readsTexts && { unread: judgements.filter(({ isUnread }) => isUnread).length }),
      },
    };
    let record: EvaluationRecord;
    if (error) {
      record = sealEvaluation({ ...common, status: 'failed', error, metrics: [], files: {} });
    } else {
      const samples = await this.#writeBeside('samples.jsonl', samplesText(judgements, work.measures));
      const published = work.publish?.(
        outcomes.map(([, outcome]) => outcome),
        ended,
      );
      const answers = published && {
        ...(await this.#writeBeside(`answers.${published.ending}`, published.text)),
        model: published.model,
      };
      record = sealEvaluation({
        ...common,
        status: 'finished',
        metrics: work.measures.map((name, place) => {
          const { value, standardError } = meanOf(judgements.map(({ scores }) => scores[place]!));
          return { name, value, ...(standardError !== undefined && { standardError }) };
        }),
        files: { samples, ...(answers && { answers }) },
      });
    }
    await writeSealed(path, record);
    await this.#log.remove();
    return record;
  }

  /** Writes a file beside the record; gives its name and hash. */
  async #writeBeside(ending: string, text: string): Promise<{ name: string; sha256: string }> {
    const file = this.prepared.path.replace(/\.json$/, `.${ending}`);
    await writeFileAtomic(file, text);
    return { name: basename(file), sha256: sha256(text) };
  }

  /** Aborted when another process has taken the evaluation over. */
  get lost(): AbortSignal {
    return this.#log.lost;
  }

  /** Removes what is kept, where the record is there already. */
  discard(): Promise<void> {
    return this.#log.remove();
  }

  /** Closes the file and releases the lock. */
  close(): Promise<void> {
    return this.#log.close();
  }
}

/** The lines of the file of samples: a document each, with its scores by measure. */
function samplesText(judgements: readonly Judgement[], measures: readonly string[]): string {
  const lines = judgements.map(({ scores, sample }) => {
    const own = measures.map((measure, place) => [measure, scores[place]] as const);
    return JSON.stringify({ ...sample, ...Object.fromEntries(own) });
  });
  return `${lines.join('\n')}\n`;
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
