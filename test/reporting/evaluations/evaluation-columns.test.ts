// Tests of evaluations as columns of a table of runs: single ones, groups by their reference's mean, averages.
import { expect, test } from 'vitest';
import {
  columnsOf,
  withEvaluations,
  type Asked,
} from '../../../harness/reporting/evaluations/evaluation-columns.ts';
import type { EvaluationRecord } from '../../../harness/records/evaluation-record.ts';
import type { Row } from '../../../harness/reporting/tables/row.ts';
import { loadEvaluations } from '../../../harness/runs/plan/load-plugins.ts';

const evaluations = await loadEvaluations();

function recordOf(value: number | undefined, used = 10): EvaluationRecord {
  return {
    status: value === undefined ? 'failed' : 'finished',
    documents: { used, of: used, cut: 0 },
    metrics:
      value === undefined
        ? []
        : [
            { name: 'acc', value },
            { name: 'accuracy', value },
            { name: 'acc_norm', value },
          ],
  } as unknown as EvaluationRecord;
}

function asked(name: string, ...members: string[]): Asked {
  const named = (members.length > 0 ? members : [name]).map((key) => ({
    evaluation: evaluations.get(key)!,
    key,
  }));
  return { name, isGroup: members.length > 0, members: named };
}
const scores = (values: Readonly<Record<string, EvaluationRecord>>) => new Map(Object.entries(values));

test('one evaluation is one column in percent, without an average', () => {
  expect([...columnsOf([asked('arc-easy')], scores({ 'arc-easy': recordOf(0.25) }))]).toEqual([
    ['arc-easy', 25],
  ]);
});

test("a group's mean is by documents, or by sets where its reference takes that", () => {
  const arc = asked('ai2-arc', 'arc-easy', 'arc-challenge');
  const byDocuments = scores({ 'arc-easy': recordOf(0.5, 30), 'arc-challenge': recordOf(0.1, 10) });
  expect(columnsOf([arc], byDocuments).get('ai2-arc mean')).toBeCloseTo(40, 12);
  const sets = asked('commonsense', 'commonsense-boolq', 'commonsense-piqa');
  const bySets = scores({ 'commonsense-boolq': recordOf(0.5, 30), 'commonsense-piqa': recordOf(0.1, 10) });
  expect(columnsOf([sets], bySets).get('commonsense mean')).toBeCloseTo(30, 12);
});

test('groups of more than twelve are their mean alone', () => {
  const members = [...evaluations.keys()].filter((name) => name.startsWith('mmlu-'));
  const records = scores(Object.fromEntries(members.map((name) => [name, recordOf(0.5)])));
  expect([...columnsOf([asked('mmlu', ...members)], records)]).toEqual([['mmlu mean', 50]]);
});

test('the average is over what was asked for, and missing where one of it is', () => {
  const both = [asked('arc-easy'), asked('ai2-arc', 'arc-easy', 'arc-challenge')];
  const whole = scores({ 'arc-easy': recordOf(0.5), 'arc-challenge': recordOf(0.1) });
  expect(columnsOf(both, whole).get('average')).toBeCloseTo((50 + 30) / 2, 12);
  const partly = scores({ 'arc-easy': recordOf(0.5), 'arc-challenge': recordOf(undefined) });
  expect([...columnsOf(both, partly).keys()]).toEqual(['arc-easy']);
});

test('a row has means and deviations over the seeds that have a score', () => {
  const row = { metrics: [] } as unknown as Row;
  const seeds = [0.2, 0.4, undefined].map((value) => scores({ 'arc-easy': recordOf(value) }));
  const { metrics } = withEvaluations(row, [asked('arc-easy')], seeds);
  expect(metrics).toHaveLength(1);
  expect(metrics[0]).toMatchObject({ name: 'arc-easy', higherIsBetter: true, decimals: 2, n: 2 });
  expect(metrics[0]!.mean).toBeCloseTo(30, 12);
  expect(metrics[0]!.sd).toBeCloseTo(Math.sqrt(200), 12);
});
