/** What `bench export` and `bench merge` are given: a run's record, and where its base and tokenizer lie. */
import { Command } from 'commander';

/** The options of such a command. */
export interface OfRunOptions {
  readonly out: string;
  readonly model?: string;
  readonly tokenizer?: string;
  readonly json?: true;
}

/** A command on a run's record that writes a folder. */
export function commandOnRun(name: string, summary: string): Command {
  return new Command(name)
    .summary(summary)
    .argument('<record>', "a run's record, results/…/seed-42.json")
    .requiredOption('--out <folder>', 'where to write; a new or empty folder')
    .option('--model <base>', 'the base, where it lies elsewhere than the record says')
    .option('--tokenizer <folder>', "the tokenizer, where it is not the base's own")
    .option('--json', 'print one JSON document');
}
