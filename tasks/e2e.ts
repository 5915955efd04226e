/** The task e2e: E2E NLG, scored by the five metrics of its official script. */
import {
  cacheFolder,
  cleanUpSpaces,
  encodePair,
  type MetricInfo,
  type TestItem,
  type TextTask,
} from '../harness/task.ts';
import { groupByMeaning, loadE2E } from '../harness/data/sets/e2e/load.ts';
import { corpusValues, e2eScorer, segmentValues, type E2EScorer } from '../harness/metrics/e2e-scorer.ts';
import { loadParaphrases } from '../harness/metrics/meteor/paraphrases.ts';
import { sampledSums } from '../harness/metrics/resampling/sampled-metric.ts';
import { builtinSizes } from './shared/builtin-sizes.ts';

const percent = (name: string): MetricInfo => ({ name, higherIsBetter: true, scale: 100, decimals: 2 });
const plain = (name: string): MetricInfo => ({ name, higherIsBetter: true, scale: 1, decimals: 2 });
/** A resample of METEOR takes far longer than one of the other metrics. */
const meteor = (name: string): MetricInfo => ({ ...percent(name), resamples: 1_000 });

/** The official scorer for these references, with METEOR's paraphrase table where it has been fetched. */
async function scorerOf(references: readonly (readonly string[])[]): Promise<E2EScorer> {
  return e2eScorer(references, { paraphrases: await loadParaphrases(cacheFolder()) });
}

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
  // METEOR without its paraphrase table is another metric with another name.
  metrics: [
    percent('BLEU'),
    plain('NIST'),
    meteor('METEOR'),
    meteor('METEOR (no paraphrases)'),
    percent('ROUGE-L'),
    plain('CIDEr'),
  ],
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
    // A damaged paraphrase table is reported here, not after hours of training.
    await loadParaphrases(cacheFolder());
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

  async score(predictions) {
    const scorer = await scorerOf(predictions.map(({ references }) => references));
    const scored = scorer.score(predictions.map(({ prediction }) => prediction));
    return { metrics: corpusValues(scored), segments: segmentValues(scored) };
  },

  async resampler(references) {
    const scorer = await scorerOf(references);
    return (predictions) => {
      const scored = scorer.score(predictions);
      return Object.fromEntries(scored.map(({ metric, rows }) => [metric.name, sampledSums(metric, rows)]));
    };
  },
};
export default task;
