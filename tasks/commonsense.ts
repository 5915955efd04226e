/** The task commonsense: questions whose answers have names. */
import { instructionTask, reasoningDefaults } from './shared/instructions.ts';

/**
 * Commonsense170K of LLM-Adapters (Hu et al., 2023), in the prompts of the ReFT paper: the question alone.
 * `--set template=llm-adapters` has those of LLM-Adapters.
 */
export default instructionTask({
  name: 'commonsense',
  label: 'Commonsense170K',
  sizes: { train: 170_420, validation: 0, test: 0, tokens: 120 },
  builtinSizes: { train: 1_600, validation: 60, test: 160, tokens: 55 },
  defaults: {
    template: 'instruction',
    ...reasoningDefaults,
    maxNewTokens: 32,
  },
  evaluations: ['commonsense~protocol=pyreft'],
  builtinEvaluations: ['everyday', 'everyday-choices'],
  read: (text) => /the correct answer is (.*)$/s.exec(text)?.[1],
});
