/** MT-Bench (Zheng et al., 2023): conversations of two turns whose answers a judge rates or compares. */
import { z } from 'zod';
import { defineAnswerEvaluation, type LoadRequest, type Writing } from '../harness/evaluation/evaluation.ts';
import { builtinConversations, humanAssistant } from '../harness/evaluation/suites/conversations.ts';
import {
  builtinQuestions,
  hasRows,
  loadDocuments,
  parseRow,
} from '../harness/evaluation/suites/documents.ts';
import { strip } from '../harness/support/python-text.ts';
import { sha256 } from '../harness/support/hash.ts';

const question = z.object({
  question_id: z.int(),
  category: z.string(),
  turns: z.array(z.string()).min(1),
});
const answer = z.object({
  question_id: z.int(),
  choices: z.array(z.object({ turns: z.array(z.string()) })).min(1),
});

/** FastChat's temperature of answers by category; of any other category 0.7. */
const temperatures: Readonly<Record<string, number>> = {
  extraction: 0,
  math: 0,
  coding: 0,
  reasoning: 0,
  stem: 0.1,
  humanities: 0.1,
};

/**
 * FastChat's decoding with RED's conversation, whose later turns follow as the first does. FastChat draws with
 * transformers' own default, the 50 best tokens.
 */
const writing: Writing = {
  prompt: humanAssistant,
  specialTokens: true,
  maxNewTokens: 1024,
  stops: ['\n\nHuman:'],
  temperature: ({ category }) => temperatures[category] ?? 0.7,
  topK: 50,
  read: ({ text }) => strip(text),
};

/** Where FastChat's folder of data, `fastchat/llm_judge/data` of github.com/lm-sys/FastChat, has its files. */
const place = { repo: 'lm-sys/mt_bench', config: 'mt_bench' } as const;
/** FastChat's authors show the same file of questions on the hub, but not the reference answers. */
const space = { repo: 'lmsys/mt-bench', file: 'data/mt_bench/question.jsonl' } as const;
/** The file of reference answers, in FastChat's folder and beside the questions. */
const referenceFiles = ['reference_answer/gpt-4', 'reference_gpt-4'];

export default defineAnswerEvaluation({
  kind: 'answers',
  name: 'mt-bench',
  label: 'MT-Bench',
  version: 1,
  sources: ['hub', 'folder', 'built-in'],
  measures: [],
  shots: { red: 0 },
  fixedShots: true,
  examples: 'first',
  writing: () => writing,
  answersFile: (answers, { model, ended }) => ({
    ending: 'jsonl',
    text: answers
      .map(({ document, turns }) => {
        const line = {
          question_id: document.id,
          answer_id: sha256(JSON.stringify([model, document.id, turns])).slice(0, 22),
          model_id: model,
          choices: [{ index: 0, turns }],
          tstamp: ended.getTime() / 1000,
        };
        return `${JSON.stringify(line)}\n`;
      })
      .join(''),
  }),
  async load(request) {
    if (request.source.kind === 'built-in') return builtinQuestions(builtinConversations(2));
    const places = { ...place, space, documents: { split: 'question' } };
    const data = await loadDocuments(request, places, (row, where) => parseRow(question, row, where));
    const references = await readReferences(request);
    return {
      ...data,
      documents: data.documents.map(({ question_id: id, category, turns }) => {
        const reference = references.get(id);
        return {
          id,
          category,
          turns,
          ...(reference && { reference: { model: 'gpt-4', turns: reference } }),
        };
      }),
      pool: [],
    };
  },
});

/** The reference answers by question; empty where there is no file of them. */
async function readReferences(request: LoadRequest): Promise<ReadonlyMap<number, readonly string[]>> {
  for (const split of referenceFiles) {
    if (!(await hasRows({ ...request, ...place, split }))) continue;
    const { documents } = await loadDocuments(request, { ...place, documents: { split } }, (row, where) =>
      parseRow(answer, row, where),
    );
    return new Map(documents.map(({ question_id, choices }) => [question_id, choices[0]!.turns]));
  }
  return new Map();
}
