/** The task e2e: E2E NLG, scored by the five metrics of its official script. */
import { cleanUpSpaces, encodePair, type TestItem, type TextTask } from '../harness/task.ts';
import { groupByMeaning, loadE2E } from '../harness/data/sets/e2e/load.ts';
import {
  checkParaphrases,
  officialTextMetrics,
  resampleTexts,
  scoreTexts,
} from '../harness/metrics/official-text.ts';
import { builtinSizes } from './shared/builtin-sizes.ts';

/**
 * E2E NLG (Novikova et al., 2017): from a restaurant's meaning representation to a sentence. The prompt is as
 * in the RED authors' code: meaning, end token, reference, end token; the loss is on the reference and the
 * last end token.
 */
const task: TextTask = {
  kind: 'text',
  name: 'e2e',
  label: 'E2E NLG',
  version: 2,
  metrics: officialTextMetrics,
  sizes: { train: 42_061, validation: 4_672, test: 630, tokens: 60 },
  builtinSizes,
  // Lengths, batch size and beam search of the RED paper's Table 11.
  defaults: {
    batchSize: 10,
    epochs: 5,
    promptLength: 64,
    targetLength: 100,
    maxNewTokens: 100,
    beams: 10,
    noRepeatNgram: 4,
    lengthPenalty: 0.9,
  },

  async load(source, options) {
    await checkParaphrases();
    const data = await loadE2E(source, options);
    const pairs = (rows: typeof data.train): { input: string; target: string }[] =>
      rows.map(({ meaning, reference }) => ({ input: meaning, target: reference }));
    return {
      source: { name: 'e2e', form: data.form, hash: data.hash },
      train: pairs(data.train),
      validation: pairs(data.validation),
      // 630 distinct meanings instead of 4,693 rows: the same input has one output.
      test: groupByMeaning(data.test).map(({ meaning, references }, i) => ({
        id: String(i),
        input: meaning,
        references,
      })),
    };
  },

  draw(splits, { side }) {
    if (side('e2e-references') !== 'code') return splits;
    const cleanedUp = (item: TestItem): TestItem => ({
      ...item,
      references: item.references.map(cleanUpSpaces),
    });
    return { ...splits, test: splits.test.map(cleanedUp) };
  },

  encode: encodePair,
  clean: (text) => text.trim(),

  score: scoreTexts,
  resampler: resampleTexts,
};
export default task;
