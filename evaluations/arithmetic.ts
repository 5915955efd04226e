/** Arithmetic reasoning in seven sets, as LLM-Adapters and the ReFT paper ask for it. */
import { arithmeticAnswer, responseAnswer } from '../harness/evaluation/suites/answers.ts';
import { instructionEvaluation } from '../harness/evaluation/suites/instructions.ts';

/** Folder, name and label of a set. */
const sets = [
  ['AQuA', 'aqua', 'AQuA'],
  ['gsm8k', 'gsm8k', 'GSM8K'],
  ['mawps', 'mawps', 'MAWPS'],
  ['SVAMP', 'svamp', 'SVAMP'],
  ['AddSub', 'addsub', 'AddSub'],
  ['MultiArith', 'multiarith', 'MultiArith'],
  ['SingleEq', 'singleeq', 'SingleEq'],
] as const;

export default sets.map(([folder, name, label]) =>
  instructionEvaluation({
    group: 'arithmetic',
    set: { folder, name, label },
    maxNewTokens: { pyreft: 512, 'llm-adapters': 256 },
    template: 'pyreft',
    read: ({ whole }, gold, protocol) =>
      protocol === 'pyreft' ? arithmeticAnswer(whole, gold) : responseAnswer(whole, gold, name === 'aqua'),
  }),
);
