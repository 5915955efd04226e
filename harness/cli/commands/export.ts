/** `bench export`: writes what a run trained as an adapter in the format of Hugging Face peft. */
import { Command } from 'commander';
import { print, printJson } from '../terminal/output.ts';

interface ExportOptions {
  readonly out: string;
  readonly model?: string;
  readonly tokenizer?: string;
  readonly json?: true;
}

/** The command `export`. */
export function exportCommand(): Command {
  return new Command('export')
    .summary("write what a run trained as an adapter in Hugging Face peft's format")
    .argument('<record>', "a run's record, results/…/seed-42.json")
    .requiredOption('--out <folder>', 'where to write; a new or empty folder')
    .option('--model <base>', 'the base, where it lies elsewhere than the record says')
    .option('--tokenizer <folder>', "the tokenizer, where it is not the base's own")
    .option('--json', 'print one JSON document')
    .action(exportAdapter);
}

async function exportAdapter(path: string, options: ExportOptions): Promise<void> {
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
