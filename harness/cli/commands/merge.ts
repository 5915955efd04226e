/**
 * `bench merge`: writes the base of a run with the trained tensors in its weights, in Hugging Face layout.
 */
import { type Command, Option } from 'commander';
import { baseWeightsText } from '../../models/bases/base-weights.ts';
import type { MergedDtype } from '../../runs/outcome/to-checkpoint.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { commandOnRun, type OfRunOptions } from '../arguments/of-a-run.ts';
import { note, print, printJson } from '../terminal/output.ts';
import { createProgress } from '../terminal/progress.ts';

/** The command `merge`. */
export function mergeCommand(): Command {
  return commandOnRun(
    'merge',
    "write a run's base with what it trained in its weights, in Hugging Face layout",
  )
    .addOption(
      new Option('--dtype <type>', 'of the numbers that are written')
        .choices(['float32', 'bfloat16', 'float16'])
        .default('float32'),
    )
    .action(merge);
}

interface MergeOptions extends OfRunOptions {
  readonly dtype: MergedDtype;
}

async function merge(path: string, options: MergeOptions): Promise<void> {
  const { openTrainedRun } = await import('../../runs/outcome/open-run.ts');
  const { writeMerged } = await import('../../runs/outcome/to-checkpoint.ts');
  const run = await openTrainedRun(path, options);
  const controller = new AbortController();
  const stop = (): void => {
    controller.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  const progress = createProgress();
  try {
    const onProgress = (done: number, total: number): void => {
      progress.update({ phase: 'merge', done, total, detail: '' });
    };
    const events = { signal: controller.signal, onProgress };
    const tensors = await writeMerged(run, options.out, events, options.dtype);
    progress.stop();
    const { variant, label } = run.record.method;
    const base = run.base.id;
    if (options.json) printJson({ folder: options.out, model: base, variant, label, tensors });
    else {
      const what = `${options.out}: ${base} with ${variant} in its weights, ${tensors} tensors.`;
      const { weights } = run.base;
      const unpacked = weights ? ` Its weights in ${baseWeightsText(weights)} were unpacked.` : '';
      print(`${what}${unpacked} Use it as --model ${options.out}.`);
    }
  } catch (error) {
    progress.stop();
    if (!(error instanceof Interrupted)) throw error;
    note('Stopped; nothing was written.');
    process.exitCode = 130;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
