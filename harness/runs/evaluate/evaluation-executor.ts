/** Does single evaluations in this process: each under its lock, on a model that stays loaded between them. */
import { freezeToScore } from '../../decoding/programs.ts';
import { LikelihoodScorer } from '../../evaluation/likelihoods/log-likelihoods.ts';
import type { Engine } from '../../engine/types.ts';
import { codeVersion, describeEnvironment } from '../../records/environment.ts';
import type { EvaluationRecord } from '../../records/evaluation-record.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { LostLock } from '../../records/locks/file-lock.ts';
import { Busy } from '../../records/beside/work-log.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { watchDeviceMemory } from '../memory/device-memory.ts';
import { NotFinite } from '../../support/errors.ts';
import { startEngine } from '../execute/start-engine.ts';
import { checkBaseMemory } from '../memory/cell-memory.ts';
import type { EngineChoice } from '../plan/engine-choice.ts';
import type { PieceProgress } from './evaluation-progress.ts';
import { OpenEvaluation, type About, type EvaluatedModel } from './work/evaluation-work.ts';
import { isMissing, recordOf, type EvaluationPiece } from './plan-evaluations.ts';
import type { KnownSubject, Subject } from './subject.ts';

/** What an evaluation tells while it runs. */
export interface PieceEvents {
  onProgress(progress: PieceProgress): void;
  onNote(text: string): void;
}

/** Does evaluations, in this process or in child processes. */
export interface EvaluationExecutor {
  /** Does a piece and gives its record; `busy` where another process is doing it. */
  execute(
    piece: EvaluationPiece,
    events: PieceEvents,
    signal: AbortSignal,
  ): Promise<EvaluationRecord | 'busy'>;
  close(): Promise<void>;
}

/** Executes pieces one after the other; the engine starts with the first. */
export class InProcess implements EvaluationExecutor {
  readonly #engine: EngineChoice;
  readonly #retryFailed: boolean;
  #started: Promise<{ engine: Engine; about: Omit<About, 'label'> }> | undefined;
  #loaded: LoadedSubject | undefined;

  constructor(engine: EngineChoice, retryFailed: boolean) {
    this.#engine = engine;
    this.#retryFailed = retryFailed;
  }

  /** Starts the engine, if none runs, and loads the subject's model in place of another. */
  async load(subject: KnownSubject): Promise<LoadedSubject> {
    const { engine } = await (this.#started ??= start(this.#engine));
    if (this.#loaded?.known === subject) return this.#loaded;
    await this.#loaded?.dispose();
    this.#loaded = undefined;
    return (this.#loaded = await loadSubject(subject, engine));
  }

  async execute(
    piece: EvaluationPiece,
    { onProgress, onNote }: PieceEvents,
    signal: AbortSignal,
  ): Promise<EvaluationRecord | 'busy'> {
    const { subject, model } = await this.load(piece.subject);
    const { about } = await this.#started!;
    const { loaded, prompts, settings, identity, path } = piece;
    const work = loaded.work(subject, prompts);
    let tokens: readonly number[] = [];
    let progress: PieceProgress = { documents: 0, tokens: 0, allTokens: 0 };
    let open: OpenEvaluation<unknown>;
    try {
      const prepared = { settings, identity, path, of: loaded.documents, work };
      open = await OpenEvaluation.open(prepared, (document) => {
        const { documents, tokens: before, allTokens } = progress;
        progress = { documents: documents + 1, tokens: before + tokens[document]!, allTokens };
        onProgress(progress);
      });
    } catch (error) {
      if (error instanceof Busy) return 'busy';
      throw error;
    }
    const deviceMemory = about.engine.device.startsWith('cuda') ? await watchDeviceMemory() : undefined;
    try {
      // Another process may have finished it between the plan and the lock.
      const found = await recordOf(piece);
      if (found && !isMissing({ record: found }, this.#retryFailed)) {
        await open.discard();
        return found;
      }
      const { missing } = open;
      // Counted here, since nothing has to be encoded for a record that is another process's.
      tokens = work.tokens;
      const allTokens = sum(tokens);
      const left = sum(missing.map((document) => tokens[document]!));
      progress = { documents: work.documents - missing.length, tokens: allTokens - left, allTokens };
      onProgress(progress);
      const failure = await failureOf(() => work.compute(open, model, AbortSignal.any([signal, open.lost])));
      const peakDeviceBytes = await deviceMemory?.stop();
      return await open.finish(
        {
          ...about,
          label: subject.label,
          // The system counts in KiB.
          peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
          ...(peakDeviceBytes !== undefined && { peakDeviceBytes }),
        },
        failure,
      );
    } catch (error) {
      if (signal.aborted) throw new Interrupted('stopped while evaluating', { cause: error });
      if (!(error instanceof LostLock) && !open.lost.aborted) throw error;
      onNote(`${path} is another process's now, which took this one for dead: it stood still for too long.`);
      return 'busy';
    } finally {
      await deviceMemory?.stop();
      await open.close();
    }
  }

  async close(): Promise<void> {
    await this.#loaded?.dispose();
  }
}

/** A subject on the engine. */
interface LoadedSubject {
  readonly known: KnownSubject;
  readonly subject: Subject;
  readonly model: EvaluatedModel;
  dispose(): Promise<void>;
}

async function start(choice: EngineChoice): Promise<{ engine: Engine; about: Omit<About, 'label'> }> {
  const engine = await startEngine({ engine: choice });
  const about = {
    code: await codeVersion(),
    environment: await describeEnvironment(choice.threads),
    engine: { name: engine.name, device: engine.device },
  };
  return { engine, about };
}

async function loadSubject(known: KnownSubject, engine: Engine): Promise<LoadedSubject> {
  const subject = await known.open();
  const { base, delta, tensors, tokenizer } = subject;
  await checkBaseMemory(base, engine.device);
  const frozen = await freezeToScore(engine, base, delta, tensors);
  const loaded = { engine, base, delta, frozen };
  const scorer = new LikelihoodScorer(loaded);
  return {
    known,
    subject,
    model: { ...loaded, tensors, tokenizer, scorer },
    async dispose() {
      await scorer.close();
      frozen.dispose();
    },
  };
}

/** The error of a model whose numbers are not finite, which its record has; any other error is thrown. */
async function failureOf(compute: () => Promise<void>): Promise<NotFinite | undefined> {
  try {
    await compute();
    return undefined;
  } catch (error) {
    if (error instanceof NotFinite) return error;
    throw error;
  }
}
