/** MMLU's rows as documents, an evaluation for each subject. */
import { ask, parseRow, placeOf } from '../harness/evaluation/suites/documents.ts';
import { defineEvaluation } from '../harness/evaluation/evaluation.ts';
import { loadSubject, schema, subjects } from '../harness/evaluation/suites/mmlu.ts';
import { strip } from '../harness/support/python-text.ts';

const opening = 'The following are multiple choice questions (with answers) about';
const letters = ['A', 'B', 'C', 'D'];

/** MMLU (Hendrycks et al., 2021): 57 subjects in four groups. */
export default Object.entries(subjects).flatMap(([part, names]) =>
  names.map((subject) =>
    defineEvaluation({
      kind: 'choices',
      name: `mmlu-${subject.replaceAll('_', '-')}`,
      label: `MMLU, ${subject.replaceAll('_', ' ')}`,
      version: 1,
      sources: ['hub', 'folder'],
      groups: ['mmlu', `mmlu-${part}`],
      measures: ['acc'],
      shots: { 'lm-eval': 0, 'lm-eval-2024': 0, red: 5 },
      examples: 'first',
      description: `${opening} ${subject.replaceAll('_', ' ')}.\n\n`,
      load: (request) =>
        loadSubject(request, subject, (row, where) => {
          const { question, choices, answer } = parseRow(schema, row, where);
          const lines = choices.map((choice, i) => `${letters[i]}. ${choice}`);
          const gold = typeof answer === 'string' ? placeOf(answer, letters, where) : answer;
          return ask([strip(question), ...lines, 'Answer:'].join('\n'), letters, gold);
        }),
    }),
  ),
);
