/**
 * The five metrics of E2E NLG as tasks of text take them: their forms in tables, their values, and their
 * resampling. METEOR has its paraphrase table where it has been fetched, and another name without it.
 */
import { cacheFolder } from '../support/cache-folder.ts';
import { corpusValues, e2eScorer, segmentValues, type E2EScorer } from './e2e-scorer.ts';
import { loadParaphrases } from './meteor/paraphrases.ts';
import { sampledSums, type SampledMetric } from './resampling/sampled-metric.ts';

interface TextMetric {
  readonly name: string;
  readonly higherIsBetter: true;
  readonly scale: number;
  readonly decimals: number;
  readonly resamples?: number;
}

const percent = (name: string): TextMetric => ({ name, higherIsBetter: true, scale: 100, decimals: 2 });
const plain = (name: string): TextMetric => ({ name, higherIsBetter: true, scale: 1, decimals: 2 });
/** A resample of METEOR takes far longer than one of the other metrics. */
const meteor = (name: string): TextMetric => ({ ...percent(name), resamples: 1_000 });

/** The metrics as tables print them. */
export const officialTextMetrics: readonly TextMetric[] = [
  percent('BLEU'),
  plain('NIST'),
  meteor('METEOR'),
  meteor('METEOR (no paraphrases)'),
  percent('ROUGE-L'),
  plain('CIDEr'),
];

/** Reads METEOR's paraphrase table, so that a damaged one is reported before hours of training. */
export async function checkParaphrases(): Promise<void> {
  await loadParaphrases(cacheFolder());
}

async function scorerOf(references: readonly (readonly string[])[]): Promise<E2EScorer> {
  return e2eScorer(references, { paraphrases: await loadParaphrases(cacheFolder()) });
}

/** The metrics of a corpus, and those of each prediction by itself. */
export async function scoreTexts(
  predictions: readonly { readonly references: readonly string[]; readonly prediction: string }[],
): Promise<{ metrics: Record<string, number>; segments: Record<string, number>[] }> {
  const scorer = await scorerOf(predictions.map(({ references }) => references));
  const scored = scorer.score(predictions.map(({ prediction }) => prediction));
  return { metrics: { ...corpusValues(scored) }, segments: segmentValues(scored).map((one) => ({ ...one })) };
}

/** Makes the metrics of any sample of a test, for references that many runs share. */
export async function resampleTexts(
  references: readonly (readonly string[])[],
): Promise<(predictions: readonly string[]) => Readonly<Record<string, SampledMetric>>> {
  const scorer = await scorerOf(references);
  return (predictions) => {
    const scored = scorer.score(predictions);
    return Object.fromEntries(scored.map(({ metric, rows }) => [metric.name, sampledSums(metric, rows)]));
  };
}
