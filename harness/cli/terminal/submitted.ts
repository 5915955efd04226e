/** Tells what was submitted to Slurm; `run`, `eval` and tunings use it. */
import { counted } from '../../support/counted.ts';
import type { Submitted } from '../../runs/cluster/slurm.ts';
import { note, print, printJson } from './output.ts';

/** What is said where nothing is missing; `what` is a run or an evaluation. */
export const nothingToSubmit = (what: 'run' | 'evaluation'): string =>
  `Nothing to submit: every ${what} has a record or is under way (status --results shows them).`;

/** A submitted job in one line. */
export const submittedText = ({ job, tasks, cells }: Submitted, what: 'run' | 'evaluation'): string =>
  `Submitted Slurm job ${job}: ${counted(cells, what)} in ${counted(tasks, 'task')}`;

/** Prints the job and how to go on, as text or as JSON. */
export function tellSubmitted(
  submitted: Submitted | undefined,
  what: 'run' | 'evaluation',
  { results, json }: { readonly results: string; readonly json: boolean },
): void {
  if (json) printJson(submitted ?? null);
  else if (!submitted) print(nothingToSubmit(what));
  else {
    print(`${submittedText(submitted, what)}, output in ${submitted.folder}`);
    note(
      `status --results ${results} shows how they go; the same command without --launcher prints the table.`,
    );
  }
}
