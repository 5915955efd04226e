// Tests of output in lm-evaluation-harness's form; its own make_table (0.4.13) was tried on such files.
import { expect, test } from 'vitest';
import { lmEvalResults, lmEvalSamples } from '../../../harness/reporting/evaluations/lm-eval-output.ts';
import type { EvaluationRecord } from '../../../harness/records/evaluation-record.ts';
import { loadEvaluations } from '../../../harness/runs/plan/load-plugins.ts';

const evaluations = await loadEvaluations();

function recordOf(metrics: EvaluationRecord['metrics'], shots: number): EvaluationRecord {
  return {
    status: 'finished',
    settings: { shots, protocol: 'lm-eval', limit: null, precision: 'float32' },
    documents: { used: 4, of: 9, cut: 0 },
    metrics,
    code: { version: '0.1.0', commit: 'abc', dirty: false },
  } as unknown as EvaluationRecord;
}

test("results have lm-eval's keys, names and nesting", () => {
  const task = (name: string, metrics: EvaluationRecord['metrics'], shots = 5) => ({
    evaluation: evaluations.get(name)!,
    record: recordOf(metrics, shots),
  });
  const tasks = [
    task('mmlu-anatomy', [{ name: 'acc', value: 0.25, standardError: 0.125 }]),
    task('mmlu-virology', [{ name: 'acc', value: 0.75 }]),
    task('gsm8k', [
      { name: 'exact_match,strict-match', value: 0.5, standardError: 0.1 },
      { name: 'exact_match,flexible-extract', value: 0.6, standardError: 0.1 },
    ]),
    task('truthfulqa-mc2', [{ name: 'mc2', value: 0.4, standardError: 0.02 }], 0),
  ];
  const mean = { value: 0.5, standardError: undefined, count: 8 };
  const groups = [{ name: 'mmlu', measure: 'acc', parts: 2, mean }];
  const results = lmEvalResults({ model: 'someone/a-base', limit: 0.4 }, tasks, groups, new Date(1000));
  expect(results).toMatchObject({
    results: {
      mmlu: { alias: 'mmlu', 'acc,none': 0.5, 'acc_stderr,none': 'N/A', sample_count: { 'acc,none': 8 } },
      mmlu_anatomy: {
        alias: 'mmlu_anatomy',
        name: 'mmlu_anatomy',
        sample_len: 4,
        'acc,none': 0.25,
        'acc_stderr,none': 0.125,
      },
      gsm8k: {
        'exact_match,strict-match': 0.5,
        'exact_match_stderr,strict-match': 0.1,
        'exact_match,flexible-extract': 0.6,
      },
      truthfulqa_mc2: { 'acc,none': 0.4, 'acc_stderr,none': 0.02 },
    },
    groups: { mmlu: { 'acc,none': 0.5 } },
    group_subtasks: { mmlu: ['mmlu_anatomy', 'mmlu_virology'], gsm8k: [] },
    versions: { mmlu_anatomy: 1, gsm8k: 3, truthfulqa_mc2: 3 },
    'n-shot': { mmlu_anatomy: 5, truthfulqa_mc2: 0, mmlu: 5 },
    higher_is_better: { gsm8k: { exact_match: true }, mmlu: { acc: true } },
    'n-samples': { gsm8k: { original: 9, effective: 4 } },
    config: { limit: 0.4 },
    date: 1,
    model_name: 'someone/a-base',
    model_name_sanitized: 'someone__a-base',
  });
});

test('samples have a line a document and filter', () => {
  const askedAt = () => ({
    arguments: [
      ['Question: a?\nAnswer:', ' yes'],
      ['Question: a?\nAnswer:', ' no'],
    ] as const,
    target: 1,
  });
  const choice = { document: 7, logLikelihoods: [-2.5, -1], greedy: [false, true], acc: 1, acc_norm: 0 };
  expect(lmEvalSamples({ evaluation: evaluations.get('arc-easy')!, askedAt }, [choice])).toMatchObject([
    {
      doc_id: 7,
      target: '1',
      arguments: { gen_args_0: { arg_0: 'Question: a?\nAnswer:', arg_1: ' yes' }, gen_args_1: {} },
      resps: [[['-2.5', 'False']], [['-1', 'True']]],
      filtered_resps: [
        ['-2.5', 'False'],
        ['-1', 'True'],
      ],
      filter: 'none',
      metrics: ['acc_norm', 'acc'],
      acc: 1,
      acc_norm: 0,
    },
  ]);
  const [strict, flexible] = ['exact_match,strict-match', 'exact_match,flexible-extract'] as const;
  const text = {
    document: 0,
    text: ' 7',
    answers: { [strict]: null, [flexible]: '7' },
    [strict]: 0,
    [flexible]: 1,
  };
  const asked = () => ({ arguments: [['Question', { until: [] }]] as const, target: '#### 7' });
  expect(lmEvalSamples({ evaluation: evaluations.get('gsm8k')!, askedAt: asked }, [text])).toMatchObject([
    { filter: 'strict-match', resps: [[' 7']], filtered_resps: ['[invalid]'], exact_match: 0 },
    { filter: 'flexible-extract', resps: [[' 7']], filtered_resps: ['7'], exact_match: 1 },
  ]);
});
