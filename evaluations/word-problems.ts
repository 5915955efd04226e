/** Word problems of the built-in data, in four sets: what a model writes after the task math, without network. */
import { textTemplates } from '../harness/data/examples/prompt-templates.ts';
import {
  builtinWordProblems,
  wordProblemSets,
} from '../harness/data/sets/instructions/synthetic/word-problems.ts';
import {
  defineTextEvaluation,
  type EvaluationProtocol,
  type TextDocument,
} from '../harness/evaluation/evaluation.ts';
import { arithmeticAnswer, numberAnswer, responseAnswer } from '../harness/evaluation/suites/answers.ts';
import { builtinData } from '../harness/evaluation/suites/documents.ts';

/** The template by which a protocol asks. */
const templates = { 'lm-eval': 'question', pyreft: 'pyreft', 'llm-adapters': 'llm-adapters' } as const;
const templateOf = (protocol: EvaluationProtocol) => templates[protocol as keyof typeof templates];

export default Object.entries(wordProblemSets).map(([set, { label }]) =>
  defineTextEvaluation({
    kind: 'text',
    name: `word-problems-${set}`,
    label: `Word problems, ${label.toLowerCase()}`,
    version: 1,
    sources: ['built-in'],
    groups: ['word-problems'],
    groupMean: 'parts',
    measures: ['accuracy'],
    shots: { 'lm-eval': 0, pyreft: 0, 'llm-adapters': 0 },
    examples: 'drawn',
    decoding: (protocol) => ({
      maxNewTokens: 48,
      stops: protocol === 'lm-eval' ? ['Question:'] : [],
      ...(protocol === 'llm-adapters' && { beams: 4 }),
    }),
    read({ whole, text }, { gold }, protocol) {
      if (protocol === 'pyreft') return { accuracy: arithmeticAnswer(whole, gold) };
      if (protocol === 'llm-adapters') return { accuracy: responseAnswer(whole, gold, false) };
      return { accuracy: numberAnswer(text, Number(gold)) };
    },
    load({ protocol }) {
      const { prompt } = textTemplates[templateOf(protocol)];
      const { test, train } = builtinWordProblems();
      const toDocument = ({ question, solution, answer }: (typeof test)[number]): TextDocument => {
        const asked = prompt({ instruction: question, input: '' }, 'testing');
        return { example: { question: asked, answer: solution }, prompt: asked, gold: String(answer) };
      };
      const ofSet = (problems: typeof test) =>
        problems.filter((problem) => problem.set === set).map(toDocument);
      return builtinData(ofSet(test), ofSet(train));
    },
  }),
);
