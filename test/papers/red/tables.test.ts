import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  judgedAnswers,
  redClaims,
  redDataSets,
  redLeaderboard,
  redTables,
} from '../../../harness/papers/red/tables.ts';
import { reftGlue, reftRecipes } from '../../../harness/papers/reft/glue.ts';
import { loadTasks } from '../../../harness/runs/plan/load-plugins.ts';

test('every row has a value for each column, and columns of built tasks name their metrics', async () => {
  const tasks = await loadTasks();
  expect(new Set(redTables.map(({ id }) => id)).size).toBe(12);
  for (const { columns, rows } of redTables) {
    for (const { values, sds } of rows) {
      expect(values).toHaveLength(columns.length);
      if (sds) expect(sds).toHaveLength(columns.length);
    }
    for (const { task, metric } of columns) {
      const built = tasks.get(task);
      if (built) expect(built.metrics.map(({ name }) => name)).toContain(metric);
    }
  }
});

// The same numbers as parsed from the papers' texts, where these files lie beside the data.
const folder = join(process.env.DELTABENCH_DATA ?? '', '..');
const here = process.env.DELTABENCH_DATA !== undefined && existsSync(join(folder, 'red-tables.json'));
const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as unknown;

interface PrintedTable {
  table?: number;
  figure?: number;
  kind: string;
  decimals?: number;
  rows: Record<string, unknown>[];
  derived?: { judged_answers: Record<string, unknown> };
}

test.skipIf(!here)('every number of the RED paper', () => {
  const { tables, claims } = read('red-tables.json') as {
    tables: PrintedTable[];
    claims: Record<string, unknown>[];
  };
  let compared = 0;
  for (const { table, figure, kind, decimals, rows, derived } of tables) {
    const id = table === undefined ? `red/figure-${figure!}` : `red/table-${table}`;
    if (kind === 'results' || kind === 'ablation') {
      const typed = redTables.find((found) => found.id === id)!;
      expect(typed.decimals).toBe(decimals);
      const byKey = (values: readonly (number | null)[]) =>
        Object.fromEntries(typed.columns.map(({ key }, i) => [key, values[i]]));
      const shown = typed.rows.map(
        ({ model, method, label, params, values, sds, average, quoted, turn }) => ({
          model,
          method,
          label,
          params: params ?? null,
          std: sds ? byKey(sds) : null,
          quoted,
          turn,
          scores: { ...byKey(values), ...(average !== undefined && { avg: average }) },
        }),
      );
      const printed = rows.map(({ model, method, label, params, std, quoted, turn, scores }) => ({
        model,
        method,
        label,
        params: params ?? null,
        std: std ?? null,
        quoted,
        turn,
        scores,
      }));
      expect(shown, id).toEqual(printed);
      if (derived)
        expect(judgedAnswers).toEqual(
          Object.fromEntries(
            ['full', 'lora', 'red'].map((method) => [method, derived.judged_answers[method]]),
          ),
        );
      compared++;
    } else if (table === 8) expect(redDataSets).toEqual(rows);
    else if (table === 17) {
      const shown = redLeaderboard.map(({ fewShot, ...row }) => ({ ...row, few_shot: fewShot }));
      expect(shown).toEqual(rows);
    }
  }
  expect(compared).toBe(redTables.length);
  const facts = claims.map(({ id, value, unit, section, holds, check }) => ({
    id,
    value: value ?? undefined,
    unit,
    section,
    holds,
    check,
  }));
  expect(redClaims).toEqual(facts);
});

test.skipIf(!here)("ReFT's averages over GLUE and its only recipe", () => {
  const { reported_averages, settings, param_counts } = read('reft.json') as {
    reported_averages: { rows: Record<string, unknown>[] };
    settings: Record<string, unknown>[];
    param_counts: Record<string, unknown>[];
  };
  const printed = reported_averages.rows
    .filter(({ suite }) => suite === 'glue')
    .map(({ model, method, label, params_percent, score, own, note }) => ({
      model,
      method,
      label,
      paramsPercent: params_percent,
      average: score,
      own,
      note,
    }));
  expect(reftGlue).toEqual(printed);
  const cola = settings.find(({ suite }) => suite === 'glue')!;
  expect(reftRecipes).toHaveLength(1);
  const [recipe] = reftRecipes;
  expect(recipe).toMatchObject({
    model: cola.model,
    task: cola.task,
    method: cola.method,
    seeds: cola.seeds,
    settings: {
      learningRate: cola.lr,
      epochs: cola.epochs,
      batchSize: cola.batch_size,
      warmup: cola.warmup_ratio,
      weightDecay: cola.weight_decay,
      promptLength: cola.max_length,
    },
    options: { rank: cola.rank, dropout: cola.dropout },
  });
  expect(cola).toMatchObject({ layers: 'all', positions: `f${String(recipe!.options.first)}` });
  // Twelve edits of r (2 d + 1) numbers.
  expect(param_counts.find(({ model }) => model === 'roberta-base')!.exact).toBe(12 * (2 * 768 + 1));
});
