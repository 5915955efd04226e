/** The task alpaca: instructions, some with a text that they are about. */
import { instructionTask } from './shared/instructions.ts';

/** Alpaca (Taori et al., 2023), as pyreft trains on it. `--set template=alpaca` has Stanford's own prompt. */
export default instructionTask({
  name: 'alpaca',
  label: 'Alpaca',
  sizes: { train: 52_002, validation: 0, test: 0, tokens: 150 },
  builtinSizes: { train: 1_600, validation: 60, test: 150, tokens: 30 },
  defaults: {
    template: 'pyreft',
    batchSize: 128,
    epochs: 3,
    warmup: 0.03,
    promptLength: 512,
    targetLength: 512,
    length: 512,
    maxNewTokens: 512,
  },
  evaluations: ['alpaca-eval~protocol=pyreft'],
  builtinEvaluations: ['restaurants'],
  read: (text) => text,
});
