/** Questions about everyday things of the built-in data, in four sets, answered in words or by likelihoods. */
import { encodeInstruction } from '../harness/data/examples/encode-instruction.ts';
import { textTemplates } from '../harness/data/examples/prompt-templates.ts';
import { builtinEveryday, everydaySets } from '../harness/data/sets/instructions/synthetic/everyday.ts';
import { defineEvaluation, defineTextEvaluation } from '../harness/evaluation/evaluation.ts';
import { firstAnswer, phraseAnswer } from '../harness/evaluation/suites/answers.ts';
import { ask, builtinData } from '../harness/evaluation/suites/documents.ts';

const names = ['answer1', 'answer2', 'answer3', 'answer4'];

/** What a model writes: pyreft's reading wants the answer's name alone after the phrase, LLM-Adapters' the first. */
const written = Object.entries(everydaySets).map(([set, { label }]) =>
  defineTextEvaluation({
    kind: 'text',
    name: `everyday-${set}`,
    label: `Everyday things, ${label.toLowerCase()}`,
    version: 1,
    sources: ['built-in'],
    groups: ['everyday'],
    groupMean: 'parts',
    measures: ['accuracy'],
    shots: { pyreft: 0, 'llm-adapters': 0 },
    examples: 'drawn',
    decoding: (protocol) => ({
      maxNewTokens: 32,
      stops: [],
      ...(protocol === 'llm-adapters' && { beams: 4 }),
    }),
    read: ({ whole }, { gold }, protocol) => ({
      accuracy: protocol === 'pyreft' ? phraseAnswer(whole, gold) : firstAnswer(whole, gold, names),
    }),
    load({ protocol }) {
      const { prompt } = textTemplates[protocol === 'pyreft' ? 'instruction' : 'llm-adapters'];
      const questions = builtinEveryday().test.filter((question) => question.set === set);
      const documents = questions.map(({ instruction, sentences, gold }) => {
        const asked = prompt({ instruction, input: '' }, 'testing');
        return { example: { question: asked, answer: sentences[gold]! }, prompt: asked, gold: names[gold]! };
      });
      return builtinData(documents, []);
    },
  }),
);

/** Which of the four answers, each a whole sentence, is the likeliest; asked as the task commonsense trains. */
const chosen = defineEvaluation({
  kind: 'choices',
  name: 'everyday-choices',
  label: 'Everyday things, choices',
  version: 1,
  sources: ['built-in'],
  measures: ['acc', 'acc_norm'],
  shots: { 'lm-eval': 0, 'lm-eval-2024': 0, red: 0 },
  fixedShots: true,
  examples: 'first',
  encode: (tokenizer, alternatives) =>
    alternatives.map(({ context, continuation }) => {
      const writing = { template: 'instruction', promptLength: Infinity, targetLength: Infinity } as const;
      const { prompt, target } = encodeInstruction(context, continuation.slice(1), tokenizer, writing);
      return { context: prompt, continuation: target };
    }),
  load: () =>
    builtinData(
      builtinEveryday().test.map(({ instruction, sentences, gold }) => ask(instruction, sentences, gold)),
      [],
    ),
});

export default [...written, chosen];
