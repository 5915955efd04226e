// Scores, means and standard errors against lm-eval 0.4.13's functions on made-up numbers.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type {
  ChoiceDocument,
  ChoiceEvaluation,
  EvaluationProtocol,
} from '../../harness/evaluation/evaluation.ts';
import { meanOf, meanOfParts, pooledMean, scoreOf } from '../../harness/evaluation/measures.ts';
import { loadEvaluations } from '../../harness/runs/plan/load-plugins.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** By lm_eval.api.metrics: aggregate_subtask_metrics, pooled_sample_stderr and unweighted_mean_stderr. */
const groups = [
  {
    parts: [
      [0.13, 0.474, 0.606, 0.469, 0.192],
      [0.55, 0, 1, 0.39, 0, 0, 0, 0.269, 0.92],
    ],
    weighted: [0.35714285714285715, 0.09293561519368433],
    unweighted: [0.36093333333333333, 0.08082353205183088],
  },
  {
    parts: [
      [0.921, 0, 0, 0.097, 1, 0.436, 0.301, 0.386],
      [0.408, 1, 0.029, 0, 0.699, 0, 0.104],
      [0.988, 1, 0, 1, 0],
    ],
    weighted: [0.41845, 0.09693152639272493],
    unweighted: [0.43674166666666664, 0.1059173185854077],
  },
  {
    parts: [
      [0, 0.044],
      [0, 0.922],
      [0.999, 1, 0.031, 0, 0.156, 0],
      [1, 0.377, 0.386, 0.681, 0, 0.271, 0.716],
      [1, 1, 0.987, 1, 0.133, 0.332],
    ],
    weighted: [0.4797826086956522, 0.0866844489905911],
    unweighted: [0.4158952380952382, 0.10885246250822397],
  },
];

test.each(groups)('the mean of a group weighs documents or parts', ({ parts, weighted, unweighted }) => {
  const means = parts.map(meanOf);
  for (const [mean, [value, error]] of [
    [pooledMean(means), weighted],
    [meanOfParts(means), unweighted],
  ] as const) {
    expect(Math.abs(mean.value - value!)).toBeLessThan(1e-14);
    expect(Math.abs(mean.standardError! - error!)).toBeLessThan(1e-14);
  }
});

test('a group with a part of one document has no standard error', () => {
  const means = [[1], [0, 1]].map(meanOf);
  expect([pooledMean(means).standardError, meanOfParts(means).standardError]).toEqual([undefined, undefined]);
});

test.each<[EvaluationProtocol, number[], number]>([
  ['lm-eval', [1, 0, 0], 0.5],
  ['lm-eval', [0, 1, 0], 0.25],
  ['lm-eval', [0, 1, 1], 0.5],
  ['lm-eval', [1, 1, 1], 1],
  // In 2024 the true answers were those before the first false one.
  ['lm-eval-2024', [1, 0, 1], 0.5],
  ['lm-eval-2024', [0, 1, 1], 0],
  ['red', [1, 1, 0], 0.75],
  ['red', [1, 1, 1], 1],
])('mc2 by %s of the labels %j is %d', async (protocol, labels, score) => {
  const document = await truthfulDocument('mc2', protocol, labels);
  expect(scoreOf('mc2', document, likelihoodsOf([0.2, 0.1, 0.1]))).toBeCloseTo(score, 14);
});

test.each<EvaluationProtocol>(['lm-eval', 'lm-eval-2024', 'red'])(
  'mc1 by %s takes the first answer for the true one, whatever the labels say',
  async (protocol) => {
    for (const labels of [
      [1, 0, 0],
      [0, 1, 0],
    ]) {
      const document = await truthfulDocument('mc1', protocol, labels);
      expect(scoreOf('acc', document, likelihoodsOf([0.2, 0.1, 0.1]))).toBe(1);
      expect(scoreOf('acc', document, likelihoodsOf([0.1, 0.2, 0.1]))).toBe(0);
    }
  },
);

/** A document of TruthfulQA whose three answers have these labels. */
async function truthfulDocument(
  kind: 'mc1' | 'mc2',
  protocol: EvaluationProtocol,
  labels: readonly number[],
): Promise<ChoiceDocument> {
  const folder = await temporaryFolder();
  const targets = { choices: ['A.', 'B.', 'C.'], labels };
  const line = JSON.stringify({ question: 'q?', mc1_targets: targets, mc2_targets: targets });
  await mkdir(join(folder, 'truthful_qa'));
  await writeFile(join(folder, 'truthful_qa', 'validation.jsonl'), line);
  const evaluation = (await loadEvaluations()).get(`truthfulqa-${kind}`) as ChoiceEvaluation;
  const source = { kind: 'folder', path: folder } as const;
  const { documents } = await evaluation.load({ source, protocol, needsPool: false });
  return documents[0]!;
}

const likelihoodsOf = (probabilities: readonly number[]) =>
  probabilities.map((p) => ({ logLikelihood: Math.log(p), isGreedy: false }));
