/** WinoGrande's rows as documents, from the hub or from LLM-Adapters' files. */
import { z } from 'zod';
import { UsageError } from '../harness/support/errors.ts';
import { loadDocuments, parseRow, placeOf } from '../harness/evaluation/suites/documents.ts';
import { defineEvaluation, type ChoiceDocument } from '../harness/evaluation/evaluation.ts';
import { readAdaptersRow } from '../harness/evaluation/suites/llm-adapters.ts';
import { strip } from '../harness/support/python-text.ts';

const schema = z.object({
  sentence: z.string(),
  option1: z.string(),
  option2: z.string(),
  answer: z.string(),
});
const lead = 'to complete the given sentence';

/**
 * WinoGrande (Sakaguchi et al., 2020): which of two names fits a gap. The likelihood is that of the sentence
 * after the gap.
 */
export default defineEvaluation({
  kind: 'choices',
  name: 'winogrande',
  label: 'WinoGrande',
  version: 1,
  sources: ['hub', 'folder'],
  measures: ['acc'],
  shots: { 'lm-eval': 0, 'lm-eval-2024': 0, red: 5 },
  examples: 'drawn-beside',
  load: (request) =>
    loadDocuments(
      request,
      {
        repo: 'allenai/winogrande',
        config: 'winogrande_xl',
        documents: { split: 'validation', adapters: { folder: 'winogrande', file: 'test' } },
        pool: { split: 'train' },
      },
      (row, where) => {
        const adapted = readAdaptersRow(row, { word: 'Option', lead }, where);
        if (adapted) return fill(adapted.question, adapted.choices, adapted.gold, where);
        const { sentence, option1, option2, answer } = parseRow(schema, row, where);
        return fill(sentence, [option1, option2], placeOf(answer, ['1', '2'], where), where);
      },
    ),
});

function fill(sentence: string, options: readonly string[], gold: number, where: string): ChoiceDocument {
  const gap = sentence.indexOf('_');
  if (gap < 0) throw new UsageError(`${where}: the sentence has no gap "_".`);
  const [before, remainder] = [sentence.slice(0, gap), strip(sentence.slice(gap + 1))];
  return {
    example: { question: before + options[gold]!, answer: remainder },
    alternatives: options.map((option) => ({ context: before + option, continuation: ` ${remainder}` })),
    gold,
  };
}
