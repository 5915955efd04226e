/**
 * The test files of LLM-Adapters (Hu et al., 2023), which write a question and its choices into one
 * instruction. ARC and WinoGrande are read from them, too.
 */
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';

const schema = z.object({ instruction: z.string(), answer: z.string() });

/** The parts of an instruction. */
export interface AdaptersRow {
  readonly question: string;
  readonly choices: readonly string[];
  /** The index of the right choice. */
  readonly gold: number;
}

/**
 * Parses a row; undefined where it is not from LLM-Adapters. `word` is the file's name for a choice (Answer,
 * Option, Solution), `lead` the phrase before the question. Throws UsageError with the row's place where it
 * has another form.
 */
export function readAdaptersRow(
  row: unknown,
  { word, lead }: { readonly word: string; readonly lead: string },
  where: string,
): AdaptersRow | undefined {
  const parsed = schema.safeParse(row);
  if (!parsed.success) return undefined;
  const { instruction, answer } = parsed.data;
  const [, question, choices] =
    new RegExp(`${lead}: (.*?)\\n\\n${word}1: (.*?)\\s+Answer format: `, 's').exec(instruction) ?? [];
  const gold = Number(answer.slice(word.length)) - 1;
  if (question === undefined || choices === undefined || !answer.startsWith(word.toLowerCase())) {
    throw new UsageError(
      `${where}: the instruction is not of LLM-Adapters' form with ${word}1, ${word}2, ….`,
    );
  }
  const list = choices.split(new RegExp(` ${word}\\d+: `));
  if (!(gold in list)) throw new UsageError(`${where}: the answer is ${answer}; there are ${list.length}.`);
  return { question, choices: list, gold };
}
