/**
 * The five metrics of E2E NLG as the official script computes them, over one set of references. The task e2e
 * and `bench score` use it.
 */
import { bleuMetric } from './text/bleu.ts';
import { ciderMetric } from './text/cider.ts';
import { sumRows, type CorpusMetric } from './text/corpus-metric.ts';
import { meteorMetric } from './meteor/meteor.ts';
import type { ParaphraseTable } from './meteor/paraphrases.ts';
import { mtevalTokens } from './text/mteval-tokenizer.ts';
import { nistMetric } from './text/nist.ts';
import { ptbTokens } from './text/ptb-tokenizer.ts';
import { rougeLMetric } from './text/rouge-l.ts';
import type { Segment } from './text/segment.ts';

export type E2EMetric = 'BLEU' | 'NIST' | 'METEOR' | 'METEOR (no paraphrases)' | 'ROUGE-L' | 'CIDEr';

/** Values by metric, in the official script's order; METEOR has one of two names. */
export type E2EValues = Readonly<Partial<Record<E2EMetric, number>>>;

/** The values of a whole corpus, and of each segment by itself. */
export type E2EScores = E2EValues & { readonly segments: readonly E2EValues[] };

/** One metric of one system: the statistics of each segment, from which any sample of segments is scored. */
export interface ScoredMetric {
  readonly metric: CorpusMetric;
  readonly rows: readonly Float64Array[];
}

/** The official metrics for one set of references; it scores any number of systems. */
export interface E2EScorer {
  /** Throws a RangeError unless there is one prediction for each set of references. */
  score(predictions: readonly string[]): readonly ScoredMetric[];
}

export interface E2EOptions {
  /** The paraphrase table; without it METEOR has no paraphrase module and another name. */
  readonly paraphrases?: ParaphraseTable | undefined;
}

/**
 * Prepares BLEU, NIST, METEOR, ROUGE-L and CIDEr for the references of each instance; throws a RangeError if
 * there are none.
 */
export function e2eScorer(
  references: readonly (readonly string[])[],
  { paraphrases }: E2EOptions = {},
): E2EScorer {
  if (references.length === 0) throw new RangeError('no references: scoring needs at least one instance');
  const mteval = references.map((set) => set.map(mtevalTokens));
  const ptb = references.map((set) => set.map(ptbTokens));
  const metrics = [
    { metric: bleuMetric, references: mteval, tokens: mtevalTokens },
    { metric: nistMetric(mteval), references: mteval, tokens: mtevalTokens },
    { metric: meteorMetric(paraphrases), references: ptb, tokens: ptbTokens },
    { metric: rougeLMetric, references: ptb, tokens: ptbTokens },
    { metric: ciderMetric(ptb), references: ptb, tokens: ptbTokens },
  ];
  return {
    score(predictions) {
      if (predictions.length !== references.length) {
        throw new RangeError(
          `${predictions.length} predictions for ${references.length} sets of references: give one for each`,
        );
      }
      return metrics.map(({ metric, references, tokens }) => ({
        metric,
        rows: predictions.map((text, i) =>
          metric.statistics({ prediction: tokens(text), references: references[i]! }),
        ),
      }));
    },
  };
}

/** Scores the whole corpus. */
export function corpusValues(scored: readonly ScoredMetric[]): E2EValues {
  return Object.fromEntries(scored.map(({ metric, rows }) => [metric.name, metric.score(sumRows(rows))]));
}

/** Scores each segment by itself; NIST and CIDEr still weigh words by all references. */
export function segmentValues(scored: readonly ScoredMetric[]): E2EValues[] {
  const segments = scored[0]?.rows.length ?? 0;
  return Array.from({ length: segments }, (_, i) =>
    Object.fromEntries(scored.map(({ metric, rows }) => [metric.name, metric.score(rows[i]!)])),
  );
}

/**
 * Scores a corpus by the official E2E metrics (tuetschek/e2e-metrics); throws a RangeError if there is no
 * segment.
 */
export function scoreE2E(segments: readonly Segment[], options: E2EOptions = {}): E2EScores {
  const scorer = e2eScorer(
    segments.map(({ references }) => references),
    options,
  );
  const scored = scorer.score(segments.map(({ prediction }) => prediction));
  return { ...corpusValues(scored), segments: segmentValues(scored) };
}
