/** The task math: arithmetic word problems with worked steps. */
import { instructionTask, reasoningDefaults } from './shared/instructions.ts';

/**
 * Math10K of LLM-Adapters (Hu et al., 2023), in the prompts of the ReFT paper. `--set template=llm-adapters`
 * has those of LLM-Adapters. The answer is a text's last number.
 */
export default instructionTask({
  name: 'math',
  label: 'Math10K',
  sizes: { train: 9_919, validation: 0, test: 0, tokens: 250 },
  builtinSizes: { train: 1_600, validation: 60, test: 160, tokens: 45 },
  defaults: {
    template: 'pyreft',
    ...reasoningDefaults,
    maxNewTokens: 512,
  },
  // The four of the ReFT paper; Math10K holds problems of the other three sets.
  evaluations: ['aqua', 'gsm8k', 'mawps', 'svamp'].map((set) => `arithmetic-${set}~protocol=pyreft`),
  builtinEvaluations: ['word-problems'],
  read: (text) => /(\d+(?:\.\d+)?)\D*$/.exec(text)?.[1],
});
