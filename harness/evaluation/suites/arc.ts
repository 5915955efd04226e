/** ARC (Clark et al., 2018): an easy and a challenging part of the same form. evaluations/arc-*.ts use it. */
import { z } from 'zod';
import { ask, loadDocuments, parseRow, placeOf } from './documents.ts';
import type { ChoiceEvaluation } from '../evaluation.ts';
import { readAdaptersRow } from './llm-adapters.ts';

const schema = z.object({
  question: z.string(),
  choices: z.object({ text: z.array(z.string()).min(2), label: z.array(z.string()) }),
  answerKey: z.string(),
});

/** One part of ARC. The RED paper evaluates both with 25 examples. */
export function arc(name: string, part: 'ARC-Easy' | 'ARC-Challenge'): ChoiceEvaluation {
  return {
    kind: 'choices',
    name,
    label: part,
    version: 1,
    sources: ['hub', 'folder'],
    groups: ['ai2-arc'],
    measures: ['acc_norm', 'acc'],
    shots: { 'lm-eval': 0, 'lm-eval-2024': 0, red: 25 },
    examples: 'drawn',
    load: (request) =>
      loadDocuments(
        request,
        {
          repo: 'allenai/ai2_arc',
          config: part,
          documents: { split: 'test', adapters: { folder: part, file: 'test' } },
          pool: { split: 'train', adapters: { folder: part, file: 'train' } },
        },
        (row, where) => {
          const { question, choices, gold } =
            readAdaptersRow(row, { word: 'Answer', lead: 'to the question' }, where) ?? fromHub(row, where);
          return ask(`Question: ${question}\nAnswer:`, choices, gold);
        },
      ),
  };
}

function fromHub(row: unknown, where: string): { question: string; choices: string[]; gold: number } {
  const { question, choices, answerKey } = parseRow(schema, row, where);
  return { question, choices: choices.text, gold: placeOf(answerKey, choices.label, where) };
}
