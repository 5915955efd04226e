/** The options that `run` and `reproduce` share. */
import type { Command } from 'commander';
import { count, positive, retry, seeds } from './parse-values.ts';

/** The options of every command that does runs. */
export interface RunOptions {
  readonly seeds?: number[];
  readonly protocol?: string[];
  readonly engine: string;
  readonly device?: string;
  readonly threads?: number;
  readonly precision?: string;
  readonly recompute?: true;
  readonly batchSeeds?: true;
  readonly jobs?: number;
  readonly maxSteps?: number;
  readonly limit?: number;
  readonly results: string;
  readonly data?: string;
  readonly tokenizer?: string;
  readonly retry?: 'failed';
  readonly dryRun?: true;
  readonly json?: true;
}

/** The help of `--base-weights`, which `run` and `eval` have. */
export const baseWeightsHelp =
  "of the base's linear modules, frozen: float32 (default), bfloat16, float16, nf4, fp4 (nf4~block=128,double)";

/** Gives a command the options of RunOptions. */
export function addRunOptions(command: Command): Command {
  return command
    .option('--seeds <numbers...>', 'a run for each (default: those of the recipe, else 42)', seeds)
    .option(
      '--protocol <sides...>',
      'where paper, code and good practice differ: recommended (the default), ' +
        'published (that of reproduce), paper, code, corrected, or id=side; ' +
        "huggingface reads classes with transformers' classifiers, of bases that write too",
    )
    .option('--engine <name>', 'what computes (see: list engines)', 'onnx')
    .option('--device <name>', 'cpu, webgpu, cuda, cuda:1')
    .option('--threads <number>', 'threads of the CPU (default: all)', positive)
    .option('--precision <type>', 'of matrix products: float32 (default), tf32 (CUDA), bfloat16, float16')
    .option('--recompute', 'train in less memory and more time: compute what the gradient needs again')
    .option('--batch-seeds', 'train the seeds of a cell together, over one copy of the base')
    .option(
      '--jobs <number>',
      'so many runs at once, in processes of their own that share threads and memory',
      positive,
    )
    .option('--max-steps <number>', 'end training early; 0 only tests', count)
    .option('--limit <number>', 'use only so many examples of every split', positive)
    .option('--results <folder>', 'where records lie', 'results')
    .option(
      '--data <place>',
      'built-in, hub, or a folder (default: DELTABENCH_DATA, else built-in for a built-in base, the hub for others)',
    )
    .option('--tokenizer <folder>', "the tokenizer, where the model's own is not wanted or missing")
    .option('--retry <which>', 'failed: try failed runs again', retry)
    .option('--dry-run', 'print what would run, with every setting or how long it takes, and stop')
    .option('--json', 'print one JSON document');
}
