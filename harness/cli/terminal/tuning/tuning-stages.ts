/**
 * Does the stages of a tuning one after the other, here or on Slurm, and shows how each goes; `tune` and
 * `intrinsic` use it.
 */
import type { Outcome } from '../../../runs/execute/executor.ts';
import type { Plan, RunRequest } from '../../../runs/plan/cell.ts';
import type { TuningOptions } from '../../arguments/tuning-options.ts';
import { note, print } from '../output.ts';
import { createReporter, type Reporter } from '../run-reporter.ts';
import { stopOnSignals } from '../stop-on-signals.ts';
import { submittedText } from '../submitted.ts';

/** Does the stages of a tuning, here or on Slurm. */
export class Stages {
  readonly #options: TuningOptions;
  #reporter;
  #controller: AbortController | undefined;
  readonly #said = new Set<string>();

  constructor(options: TuningOptions) {
    this.#options = options;
    this.#reporter = this.#newReporter();
  }

  stop(): void {
    this.#reporter.stop();
  }

  /** Does what is missing of a plan; undefined where Slurm does it. */
  readonly execute = async (plan: Plan, request: RunRequest): Promise<Outcome[] | undefined> => {
    const { launcher, slurm, retry, jobs = 1 } = this.#options;
    this.#reporter = this.#newReporter();
    for (const line of plan.read) this.#sayOnce(line);
    if (launcher === 'slurm' && !(await isDone(plan))) {
      const { submitMissing } = await import('../../../runs/cluster/submit-missing.ts');
      const submitted = await submitMissing(plan, request, { slurm, retryFailed: retry === 'failed' });
      print(
        submitted ? `${submittedText(submitted, 'run')}.` : 'Slurm is doing the trials that are missing.',
      );
      note('The same command goes on when they are done; status shows how they go.');
      return undefined;
    }
    const { executePlan } = await import('../../../runs/execute/execute-plan.ts');
    this.#controller ??= stopOnSignals(() => {
      this.#reporter.stop();
    });
    return executePlan(plan, {
      events: {
        ...this.#reporter.events,
        onNote: (text) => {
          this.#sayOnce(text);
        },
      },
      signal: this.#controller.signal,
      retryFailed: retry === 'failed',
      jobs,
      requestOf: () => request,
    });
  };

  /** Each stage has its own, which counts the runs of that stage and their time. */
  #newReporter(): Reporter {
    return createReporter((this.#options.jobs ?? 1) > 1);
  }

  /** Every stage has the same notes. */
  #sayOnce(text: string): void {
    if (this.#said.has(text)) return;
    this.#said.add(text);
    this.#reporter.events.onNote(text);
  }
}

/** Whether every cell of a plan has a record. */
async function isDone(plan: Plan): Promise<boolean> {
  const { prepareCells } = await import('../../../runs/cell/prepare-cells.ts');
  return (await prepareCells(plan)).every(({ place }) => place.record !== undefined);
}
