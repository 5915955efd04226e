/** `bench pretrain`: trains a base of one's own from text and writes it as a Hugging Face folder. */
import { Command } from 'commander';
import type { PretrainOptions } from '../../runs/pretrain/pretrain.ts';
import type { PretrainRecord } from '../../runs/pretrain/pretrain-record.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { count, positive } from '../arguments/parse-values.ts';
import { note, print, printJson } from '../terminal/output.ts';
import { createProgress } from '../terminal/progress.ts';
import { endStopped, stopOnSignals } from '../terminal/stop-on-signals.ts';

interface PretrainCommandOptions {
  readonly family: string;
  readonly config: string;
  readonly text: string[];
  readonly vocabulary: number;
  readonly tokenizer?: string;
  readonly steps: number;
  readonly length: number;
  readonly seed: number;
  readonly set: string[];
  readonly dtype: string;
  readonly terms?: string;
  readonly threads?: number;
  readonly out: string;
  readonly json?: true;
}

/** The command `pretrain`. */
export function pretrainCommand(): Command {
  return new Command('pretrain')
    .summary('train a base from text and write it as a Hugging Face folder')
    .description(
      'Trains a tokenizer and a base from text: a decoder predicts the next token (gpt2, llama), ' +
        'an encoder masked ones (roberta, bert), an encoder-decoder masked spans (t5). ' +
        'The same command goes on where it was stopped.',
    )
    .requiredOption('--family <name>', 'gpt2, llama, roberta, bert or t5')
    .requiredOption(
      '--text <files...>',
      'plain text, documents parted by blank lines; or .jsonl of {"text"} or {"input", "target"}',
    )
    .requiredOption('--out <folder>', 'where the base is written; <folder>.work holds it until then')
    .option('--config <settings>', 'layers=4,width=192,heads=6,… as in random-gpt2~layers=4', '')
    .option('--vocabulary <number>', 'tokens of the tokenizer, trained on the text', positive, 4096)
    .option('--tokenizer <folder>', 'a tokenizer that is there already, instead')
    .option('--steps <number>', 'optimiser steps', positive, 2000)
    .option('--length <number>', 'tokens of a row: short texts share one, longer ones are cut', positive, 128)
    .option('--seed <number>', 'of the first weights, the order, the masks', count, 42)
    .option(
      '--set <settings...>',
      'key=value: a hyper-parameter, such as learningRate, batchSize, warmup (see: list recipes)',
      [],
    )
    .option('--dtype <type>', 'of the weights as they are written: float16 or float32', 'float16')
    .option('--terms <text>', "where the text is from and under what terms, for the folder's README")
    .option('--threads <number>', 'threads of the CPU (default: all)', positive)
    .option('--json', 'print pretraining.json')
    .action(run);
}

async function run(options: PretrainCommandOptions): Promise<void> {
  // Imported here, because help need not wait for it.
  const { pretrain } = await import('../../runs/pretrain/pretrain.ts');
  const request = { ...options, texts: options.text, settings: options.set };
  const record = await showPretraining((reporting) => pretrain(request, reporting));
  if (!record) return;
  if (options.json) printJson(record);
  else print(`${options.out}: ${describe(record)}`);
}

/** Pretrains with a progress bar; undefined where a signal stopped it. */
export async function showPretraining(
  start: (options: PretrainOptions) => Promise<PretrainRecord>,
): Promise<PretrainRecord | undefined> {
  const progress = createProgress();
  const { signal } = stopOnSignals(() => {
    progress.stop();
  });
  try {
    return await start({
      signal,
      onNote: note,
      onProgress({ step, totalSteps, loss, tokensPerSecond }) {
        const detail = `loss ${loss.toFixed(3)}, ${Math.round(tokensPerSecond)} tokens/s`;
        progress.update({ phase: 'pretrain', done: step, total: totalSteps, detail });
      },
    });
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    endStopped();
    return undefined;
  } finally {
    progress.stop();
  }
}

/** Describes a pretrained base in a line. */
export function describe({ training, parameters }: PretrainRecord): string {
  const best = training.evaluations.find(({ step }) => step === training.bestStep);
  const loss = best?.loss.toFixed(4) ?? 'unknown';
  const step = `step ${training.bestStep} of ${training.steps}`;
  return `${parameters.toLocaleString('en')} parameters, held-out loss ${loss} at ${step}`;
}
