/**
 * `bench intrinsic`: trains `intrinsic` at several dimensions beside full fine-tuning and prints d90, the
 * smallest dimension that reaches 90 % of its score on validation.
 */
import { Command } from 'commander';
import { Interrupted } from '../../training/loop/job.ts';
import { addTuningOptions, tuningRequest, type TuningOptions } from '../arguments/tuning-options.ts';
import { intrinsicText, plannedIntrinsicText } from '../terminal/tuning/intrinsic-text.ts';
import { print, printJson, terminalWidth } from '../terminal/output.ts';
import { endStopped } from '../terminal/stop-on-signals.ts';
import { Stages } from '../terminal/tuning/tuning-stages.ts';

interface Options extends TuningOptions {
  readonly dimensions: string;
}

/** The command `intrinsic`. */
export function intrinsicCommand(): Command {
  const command = new Command('intrinsic')
    .summary(
      'find the smallest dimension in which a base learns a task nearly as well as by full fine-tuning',
    )
    .description(
      'Trains the method "intrinsic" at several dimensions beside full fine-tuning and the frozen base, judges by ' +
        'validation alone, and prints d90: the smallest dimension that reaches 90 % of full fine-tuning.',
    );
  return addTuningOptions(command)
    .option('--dimensions <values>', 'a,b or log:low..high/n, numbers trained in all', 'log:500..50000/5')
    .action(measure);
}

async function measure(options: Options): Promise<void> {
  const { measureIntrinsicDimension, previewIntrinsicDimension } =
    await import('../../runs/tune/intrinsic-dimension.ts');
  const { wholeNumbers } = await import('../../runs/tune/space.ts');
  const { loadMethods, loadTasks } = await import('../../runs/plan/load-plugins.ts');
  const [methods, tasks] = await Promise.all([loadMethods(), loadTasks()]);
  const request = await tuningRequest(options, options.method ?? ['intrinsic']);
  const how = { dimensions: wholeNumbers('--dimensions', options.dimensions), space: options.space ?? [] };
  // What cannot be trained is refused before anything is.
  const planned = await previewIntrinsicDimension(request, how, { methods, tasks });
  if (options.dryRun) {
    if (options.json) printJson(planned);
    else print(plannedIntrinsicText(planned, request.seeds?.length ?? 1, terminalWidth()));
    return;
  }
  const stages = new Stages(options);
  try {
    const context = { methods, tasks, execute: stages.execute };
    const found = await measureIntrinsicDimension(request, how, context);
    if (!found) return;
    if (options.json) printJson(found);
    else print(found.map((one) => intrinsicText(one, terminalWidth())).join('\n\n'));
    const all = found.flatMap(({ full, variants }) => [
      full,
      ...variants.flatMap(({ measured }) => measured),
    ]);
    if (all.some(({ value }) => value === undefined)) process.exitCode = 1;
  } catch (error) {
    stages.stop();
    if (!(error instanceof Interrupted)) throw error;
    endStopped();
  }
}
