/** HellaSwag's rows as documents, with lm-eval's cleaning of their texts. */
import { z } from 'zod';
import { ask, loadDocuments, parseRow, placeOf } from '../harness/evaluation/suites/documents.ts';
import { defineEvaluation } from '../harness/evaluation/evaluation.ts';
import { capitalize, strip } from '../harness/support/python-text.ts';

const schema = z.object({
  activity_label: z.string(),
  ctx_a: z.string(),
  ctx_b: z.string(),
  endings: z.array(z.string()).min(2),
  label: z.string(),
});

/**
 * Lm-eval's cleaning of WikiHow's marks: `[title]` ends a sentence, other brackets are cut out, pairs of
 * spaces become one.
 */
const clean = (text: string): string =>
  strip(text)
    .replaceAll(' [title]', '. ')
    .replace(/\[.*?\]/g, '')
    .replaceAll('  ', ' ');

/** HellaSwag (Zellers et al., 2019): which of four endings continues a scene. */
export default defineEvaluation({
  kind: 'choices',
  name: 'hellaswag',
  label: 'HellaSwag',
  version: 1,
  sources: ['hub', 'folder'],
  measures: ['acc_norm', 'acc'],
  shots: { 'lm-eval': 0, 'lm-eval-2024': 0, red: 10 },
  examples: 'drawn-beside',
  load: (request) =>
    loadDocuments(
      request,
      {
        repo: 'Rowan/hellaswag',
        config: 'default',
        documents: { split: 'validation' },
        pool: { split: 'train' },
      },
      (row, where) => {
        const {
          activity_label: activity,
          ctx_a: scene,
          ctx_b: start,
          endings,
          label,
        } = parseRow(schema, row, where);
        const places = endings.map((_, i) => String(i));
        return ask(
          clean(`${activity}: ${scene} ${capitalize(start)}`),
          endings.map(clean),
          placeOf(label, places, where),
        );
      },
    ),
});
