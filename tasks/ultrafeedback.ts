/** The task ultrafeedback: instructions with the better of two answers, as RED and the ReFT paper train. */
import { instructionTask } from './shared/instructions.ts';

/**
 * UltraFeedback (Cui et al., 2023), binarized, as the RED authors train on it: Human and Assistant, loss on
 * prompts, too, and no long examples. `--set template=pyreft lossOn=answer tooLong=cut` is the ReFT paper's.
 */
export default instructionTask({
  name: 'ultrafeedback',
  label: 'UltraFeedback',
  sizes: { train: 61_135, validation: 0, test: 0, tokens: 400 },
  builtinSizes: { train: 1_600, validation: 60, test: 150, tokens: 30 },
  defaults: {
    template: 'human-assistant',
    lossOn: 'everything',
    tooLong: 'drop',
    batchSize: 128,
    epochs: 3,
    schedule: 'cosine',
    warmup: 0.1,
    clip: 1,
    promptLength: 256,
    targetLength: 768,
    length: 768,
    maxNewTokens: 768,
    repetitionPenalty: 1.1,
    noRepeatNgram: 5,
  },
  // RED's Table 17; its Tables 4 and 16 are judged, so that their answers are asked for by name.
  evaluations: ['ai2-arc', 'truthfulqa-mc2', 'winogrande', 'gsm8k', 'hellaswag', 'mmlu'].map(
    (name) => `${name}~protocol=red`,
  ),
  builtinEvaluations: ['restaurants'],
  read: (text) => text,
});
