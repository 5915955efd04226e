/**
 * `bench fetch`: brings bases, data, METEOR's table and AlpacaEval's prompt into the cache, before a run needs
 * them.
 */
import { Command } from 'commander';
import { withoutSecrets } from '../../support/network/addresses.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { note, print } from '../terminal/output.ts';
import { createProgress } from '../terminal/progress.ts';

/** The command `fetch`. */
export function fetchCommand(): Command {
  return new Command('fetch')
    .summary('bring models and data from the hub into the cache')
    .addCommand(
      new Command('model')
        .description('a base model, all of it')
        .argument('<id>', 'hub id')
        .action(fetchModel),
    )
    .addCommand(
      new Command('data')
        .description("a task's data")
        .argument('<task>', 'see: list tasks')
        .action(fetchData),
    )
    .addCommand(
      new Command('meteor')
        .description("METEOR's paraphrase table")
        .option(
          '--file <path>',
          'paraphrase-en.gz, or the pycocoevalcap wheel that holds it (default: from PyPI)',
        )
        .action(fetchMeteor),
    )
    .addCommand(
      new Command('alpaca-eval')
        .description("the judge's prompt of AlpacaEval 1.0")
        .option(
          '--file <path>',
          'alpaca_eval.txt, or the alpaca_eval wheel that holds it (default: from PyPI)',
        )
        .action(fetchAlpacaEval),
    );
}

async function fetchModel(id: string): Promise<void> {
  const { loadBase } = await import('../../models/bases/load-base.ts');
  note(`Fetching ${withoutSecrets(id)} …`);
  const progress = createProgress();
  const megabytes = (bytes: number): number => Math.round(bytes / 1e5) / 10;
  let base: BaseModel, hash: string, tokenizer: Tokenizer;
  try {
    base = await loadBase(id, {
      weights: true,
      onNote(text) {
        progress.stop();
        note(text);
      },
      onFetch({ file, done, total }) {
        progress.update({ phase: 'MB', done: megabytes(done), total: megabytes(total), detail: file });
      },
    });
    [hash, tokenizer] = [await base.hash(), await base.tokenizer()];
  } finally {
    progress.stop();
  }
  print(
    `${id} is here: ${base.family}, ${Object.keys(base.shapes).length} tensors, ` +
      `vocabulary ${tokenizer.vocabSize}, sha256 ${hash}`,
  );
}

async function fetchData(name: string): Promise<void> {
  const { loadTasks } = await import('../../runs/plan/load-plugins.ts');
  const tasks = await loadTasks();
  const task = tasks.get(name);
  if (!task) {
    const names = [...tasks.keys()];
    throw new UsageError(`There is no task "${name}".${didYouMean(name, names)} Tasks: ${names.join(', ')}.`);
  }
  note(`Fetching the data of ${name} …`);
  const data = await task.load({ kind: 'hub' }, { onNote: note });
  const counts = [
    `${data.train.length} training`,
    `${data.validation.length} validation`,
    ...('test' in data ? [`${data.test.length} test`] : []),
  ];
  print(`${data.source.name} (${data.source.form}) is here: ${counts.join(', ')} examples`);
}

async function fetchMeteor({ file }: { file?: string }): Promise<void> {
  const { cacheFolder } = await import('../../support/cache-folder.ts');
  const { fetchMeteorTable } = await import('../../metrics/meteor/paraphrases.ts');
  note("Fetching METEOR's paraphrase table …");
  print(`METEOR's paraphrase table is here: ${await fetchMeteorTable({ cacheFolder: cacheFolder(), file })}`);
}

async function fetchAlpacaEval({ file }: { file?: string }): Promise<void> {
  const { cacheFolder } = await import('../../support/cache-folder.ts');
  const { fetchAlpacaTemplate } = await import('../../judging/alpaca-prompt.ts');
  note("Fetching AlpacaEval's prompt …");
  print(`AlpacaEval's prompt is here: ${await fetchAlpacaTemplate(cacheFolder(), file)}`);
}
