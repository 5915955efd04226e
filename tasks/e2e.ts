import {
  cacheFolder,
  cleanUpSpaces,
  encodePair,
  type MetricInfo,
  type TestItem,
  type TextTask,
} from '../harness/task.ts';
import { groupByMeaning, loadE2E } from '../harness/data/sets/e2e/load.ts';
import { corpusValues, e2eScorer, segmentValues } from '../harness/metrics/e2e-scorer.ts';
import { loadParaphrases } from '../harness/metrics/meteor/paraphrases.ts';

const percent = (name: string): MetricInfo => ({ name, higherIsBetter: true, scale: 100, decimals: 2 });
const plain = (name: string): MetricInfo => ({ name, higherIsBetter: true, scale: 1, decimals: 2 });

/**
 * E2E NLG (Novikova et al., 2017): a restaurant's meaning representation to a sentence. Prompt and separator as in the RED
 * authors' code: the meaning, the end token, the reference, the end token; the loss is on what follows the separator.
 */
const task: TextTask = {
  kind: 'text',
  name: 'e2e',
  label: 'E2E NLG',
  version: 2,
  // METEOR without its paraphrase table is another number and has another name.
  metrics: [
    percent('BLEU'),
    plain('NIST'),
    percent('METEOR'),
    percent('METEOR (no paraphrases)'),
    percent('ROUGE-L'),
    plain('CIDEr'),
  ],
  // Lengths, batch and search of the RED paper's Table 11.
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
    // A table that cannot be used is said now, not after hours of training.
    await loadParaphrases(cacheFolder());
    const data = await loadE2E(source, options);
    const pairs = (rows: typeof data.train): { input: string; target: string }[] =>
      rows.map(({ meaning, reference }) => ({ input: meaning, target: reference }));
    return {
      source: { name: 'e2e', form: data.form, hash: data.hash },
      train: pairs(data.train),
      validation: pairs(data.validation),
      // 630 meanings, not the 4,693 rows: the same input has one output.
      test: groupByMeaning(data.test).map(({ meaning, references }, i) => ({
        id: String(i),
        input: meaning,
        references,
      })),
    };
  },

  draw(splits, { side }) {
    if (side('e2e-references') !== 'code') return splits;
    const tidy = ({ references, ...item }: TestItem): TestItem => ({ ...item, references: references.map(cleanUpSpaces) }); // prettier-ignore
    return { ...splits, test: splits.test.map(tidy) };
  },

  encode: encodePair,
  clean: (text) => text.trim(),

  async score(predictions) {
    const paraphrases = await loadParaphrases(cacheFolder());
    const scorer = e2eScorer(
      predictions.map(({ references }) => references),
      { paraphrases },
    );
    const scored = scorer.score(predictions.map(({ prediction }) => prediction));
    return { metrics: corpusValues(scored), segments: segmentValues(scored) };
  },
};
export default task;
