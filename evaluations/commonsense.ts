/** Commonsense reasoning in eight sets, as LLM-Adapters and the ReFT paper ask for it. */
import { firstAnswer, phraseAnswer } from '../harness/evaluation/suites/answers.ts';
import { instructionEvaluation } from '../harness/evaluation/suites/instructions.ts';

const numbered = (word: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${word}${i + 1}`);

/** Folder, name, label, and the answers that a set knows. */
const sets = [
  ['boolq', 'boolq', 'BoolQ', ['true', 'false']],
  ['piqa', 'piqa', 'PIQA', numbered('solution', 2)],
  ['social_i_qa', 'siqa', 'SIQA', numbered('answer', 5)],
  ['hellaswag', 'hellaswag', 'HellaSwag', numbered('ending', 4)],
  ['winogrande', 'winogrande', 'WinoGrande', numbered('option', 2)],
  ['ARC-Easy', 'arc-easy', 'ARC-e', numbered('answer', 5)],
  ['ARC-Challenge', 'arc-challenge', 'ARC-c', numbered('answer', 5)],
  ['openbookqa', 'obqa', 'OBQA', numbered('answer', 5)],
] as const;

export default sets.map(([folder, name, label, answers]) =>
  instructionEvaluation({
    group: 'commonsense',
    set: { folder, name, label },
    maxNewTokens: { pyreft: 32, 'llm-adapters': 32 },
    template: 'instruction',
    read: ({ whole }, gold, protocol) =>
      protocol === 'pyreft' ? phraseAnswer(whole, gold) : firstAnswer(whole, gold, answers),
  }),
);
