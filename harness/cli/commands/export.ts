/** `bench export`: writes what a run trained as an adapter in the format of Hugging Face peft. */
import type { Command } from 'commander';
import { commandOnRun, type OfRunOptions } from '../arguments/of-a-run.ts';
import { print, printJson } from '../terminal/output.ts';

/** The command `export`. */
export function exportCommand(): Command {
  return commandOnRun(
    'export',
    "write what a run trained as an adapter in Hugging Face peft's format",
  ).action(exportAdapter);
}

async function exportAdapter(path: string, options: OfRunOptions): Promise<void> {
  const { openTrainedRun } = await import('../../runs/outcome/open-run.ts');
  const { adapterOf } = await import('../../runs/outcome/to-adapter.ts');
  const { writePeftFolder } = await import('../../exchange/peft/folder.ts');
  const run = await openTrainedRun(path, options);
  const { peftType, tensors, loader } = await writePeftFolder(options.out, await adapterOf(run), run.base);
  const { variant, label } = run.record.method;
  const model = run.base.id;
  if (options.json) {
    const folder = options.out;
    printJson({ folder, model, variant, label, peftType, tensors, ...(loader !== undefined && { loader }) });
    return;
  }
  print(`${options.out}: ${variant} on ${model} as an adapter of type ${peftType}, ${tensors} tensors.`);
  print(
    loader === undefined
      ? `Only deltabench reads it: --model ${model} --adapter ${options.out}.`
      : `${loader} in it loads base and adapter in Python: ` +
          `PYTHONPATH=${options.out} python -c "from load import load; model = load()".`,
  );
}
