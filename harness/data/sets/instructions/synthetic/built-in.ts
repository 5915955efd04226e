/** The built-in data of the tasks that follow instructions, as rows; load.ts gives them to the tasks. */
import type { InstructionRow, InstructionSet, InstructionSetName } from '../rows.ts';
import { builtinEveryday } from './everyday.ts';
import { builtinRequests } from './requests.ts';
import { builtinWordProblems } from './word-problems.ts';

type Splits = Pick<InstructionSet, 'train' | 'validation' | 'test'>;

/** The splits of a set; UltraFeedback and Alpaca have the same requests in place of theirs. */
export function builtinInstructions(name: InstructionSetName): Splits {
  if (name === 'commonsense')
    return mapSplits(builtinEveryday(), ({ instruction, sentences, gold }) => ({
      instruction,
      input: '',
      output: sentences[gold]!,
    }));
  if (name === 'math')
    return mapSplits(builtinWordProblems(), ({ question, solution }) => ({
      instruction: question,
      input: '',
      output: solution,
    }));
  return builtinRequests();
}

function mapSplits<Item>(
  { train, validation, test }: Record<'train' | 'validation' | 'test', readonly Item[]>,
  toRow: (item: Item) => InstructionRow,
): Splits {
  return { train: train.map(toRow), validation: validation.map(toRow), test: test.map(toRow) };
}
