/** AlpacaEval (Li et al., 2023): instructions whose answers a judge compares with a reference model's. */
import { z } from 'zod';
import { textTemplates } from '../harness/data/examples/prompt-templates.ts';
import { defineAnswerEvaluation, type Writing } from '../harness/evaluation/evaluation.ts';
import { builtinConversations, humanAssistant } from '../harness/evaluation/suites/conversations.ts';
import {
  builtinQuestions,
  hasRows,
  loadDocuments,
  parseRow,
} from '../harness/evaluation/suites/documents.ts';
import { stripStart } from '../harness/support/python-text.ts';

const schema = z.object({
  instruction: z.string(),
  output: z.string(),
  generator: z.string(),
  dataset: z.string(),
});

/** Both papers decode with these rules, which see the prompt too. */
const rules = { repetitionPenalty: 1.1, noRepeatNgram: 5, specialTokens: true, stops: [] } as const;
const greedy = (): number => 0;

/** As RED's generate_alpaca_eval.py: the prompt's text is removed from the whole text, nothing is stripped. */
const red: Writing = {
  ...rules,
  prompt: humanAssistant,
  maxNewTokens: 768,
  temperature: greedy,
  read: ({ whole }, prompt) => whole.replaceAll(prompt, ''),
};

/** As pyreft's: what follows the prompt's last line, without white space before it. */
const pyreft: Writing = {
  ...rules,
  prompt: (messages) =>
    textTemplates.pyreft.prompt({ instruction: messages[0]!.content, input: '' }, 'testing'),
  maxNewTokens: 2048,
  maxLength: 2048,
  temperature: greedy,
  read: ({ whole }) => stripStart(/### Response:(.*)/s.exec(whole)?.[1] ?? ''),
};

/** A folder may have the repository's own file, alpaca_eval.json, in place of the hub's split eval. */
const place = { repo: 'tatsu-lab/alpaca_eval', config: 'alpaca_eval' } as const;

export default defineAnswerEvaluation({
  kind: 'answers',
  name: 'alpaca-eval',
  label: 'AlpacaEval',
  version: 1,
  sources: ['hub', 'folder', 'built-in'],
  measures: [],
  shots: { red: 0, pyreft: 0 },
  fixedShots: true,
  examples: 'first',
  writing: (protocol) => (protocol === 'pyreft' ? pyreft : red),
  answersFile: (answers, { model }) => ({
    ending: 'json',
    text: `${JSON.stringify(
      answers.map(({ document, turns }) => ({
        instruction: document.turns[0],
        output: turns[0],
        generator: model,
        dataset: document.category,
      })),
      undefined,
      1,
    )}\n`,
  }),
  async load(request) {
    if (request.source.kind === 'built-in') return builtinQuestions(builtinConversations(1));
    const named = { ...place, split: 'alpaca_eval' };
    const split = (await hasRows({ ...request, ...named })) ? named.split : 'eval';
    const places = { ...place, documents: { split } };
    const data = await loadDocuments(request, places, (row, where) => parseRow(schema, row, where));
    return {
      ...data,
      documents: data.documents.map(({ instruction, output, generator, dataset }, id) => ({
        id,
        category: dataset,
        turns: [instruction],
        reference: { model: generator, turns: [output] },
      })),
      pool: [],
    };
  },
});
