/** GSM8K (Cobbe et al., 2021): grade-school sums in words, whose answer stands behind `####`. */
import { z } from 'zod';
import { defineTextEvaluation } from '../harness/evaluation/evaluation.ts';
import { flexibleExtract, strictMatch } from '../harness/evaluation/suites/answers.ts';
import { loadDocuments, parseRow } from '../harness/evaluation/suites/documents.ts';

const schema = z.object({ question: z.string(), answer: z.string() });

/** Lm-eval of January 2024 stopped at a blank line, and its one reading did not forgive a final full stop. */
const isOld = (protocol: string): boolean => protocol !== 'lm-eval';

export default defineTextEvaluation({
  kind: 'text',
  name: 'gsm8k',
  label: 'GSM8K',
  version: 3,
  sources: ['hub', 'folder'],
  measures: ['exact_match,strict-match', 'exact_match,flexible-extract'],
  shots: { 'lm-eval': 5, 'lm-eval-2024': 5, red: 5 },
  examples: 'drawn',
  decoding: (protocol) => ({
    maxNewTokens: 256,
    stops: isOld(protocol) ? ['\n\n', 'Question:'] : ['Question:', '</s>', '<|im_end|>'],
    keepsSpecialTokens: isOld(protocol),
  }),
  read: ({ text }, { gold }, protocol) => ({
    'exact_match,strict-match': strictMatch(text, gold, !isOld(protocol)),
    'exact_match,flexible-extract': flexibleExtract(text, gold),
  }),
  load: (request) =>
    loadDocuments(
      request,
      { repo: 'openai/gsm8k', config: 'main', documents: { split: 'test' }, pool: { split: 'train' } },
      (row, where) => {
        const { question, answer } = parseRow(schema, row, where);
        const prompt = `Question: ${question}\nAnswer:`;
        return { example: { question: prompt, answer }, prompt, gold: answer };
      },
    ),
});
