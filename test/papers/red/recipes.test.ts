import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { redRecipes } from '../../../harness/papers/red/recipes.ts';
import { findRecipe, paperModel, paperRecipes } from '../../../harness/papers/find-recipe.ts';
import { loadMethods, loadTasks } from '../../../harness/runs/plan/load-plugins.ts';
import { recipeSchema } from '../../../harness/training/recipe.ts';
import type { z } from 'zod';

test('cells as Tables 9 to 12 print them', () => {
  expect(findRecipe('rte', 'roberta-base', 'red')).toEqual({
    source: 'red/table-9',
    task: 'rte',
    model: 'roberta-base',
    method: 'red',
    settings: {
      schedule: 'linear',
      promptLength: 256,
      batchSize: 32,
      epochs: 40,
      warmup: 0.06,
      learningRate: 8e-3,
    },
    options: {},
    seeds: [42, 43, 44, 45, 46],
  });
  expect(findRecipe('rte', paperModel('FacebookAI/roberta-large'), 'red')!.settings).toMatchObject({
    weightDecay: 1e-4,
    warmup: 0.01,
    learningRate: 5e-3,
  });
  expect(findRecipe('qqp', 'roberta-large', 'lora')!.options).toEqual({ rank: 8, alpha: 16 });
  expect(findRecipe('cola', paperModel('models/t5-base/'), 'red')!.settings).toMatchObject({
    epochs: 60,
    learningRate: 4e-2,
  });
  // No row of Table 10, no block of Table 12, no such base.
  expect(findRecipe('cola', 'roberta-large', 'bitfit')).toBeUndefined();
  expect(findRecipe('cola', 't5-base', 'lora')).toBeUndefined();
  expect(findRecipe('cola', 'bert-base-uncased', 'red')).toBeUndefined();
});

test('eight tasks a block, all keys exist and their values are allowed', async () => {
  expect(redRecipes).toHaveLength((6 + 5 + 1) * 8 + 13 + 3);
  const [methods, tasks] = [await loadMethods(), await loadTasks()];
  for (const { settings, options, method, task } of paperRecipes) {
    expect(recipeSchema.safeParse(settings).error).toBeUndefined();
    const schema: z.ZodType = methods.get(method)!.options;
    expect(schema.safeParse(options).error).toBeUndefined();
    expect(tasks.has(task)).toBe(true);
  }
});

// The same numbers as parsed from the paper's text, where that file lies beside the data.
const parsed = join(process.env.DELTABENCH_DATA ?? '', '../papers/red-recipes.json');

test.skipIf(!process.env.DELTABENCH_DATA || !existsSync(parsed))('every number of the paper', () => {
  interface Printed {
    suite: string;
    table: number;
    model: string;
    method: string;
    common: Record<string, unknown>;
    per_task: Record<string, Record<string, unknown>>;
    decoding?: Record<string, unknown>;
  }
  const { recipes, protocol } = JSON.parse(readFileSync(parsed, 'utf8')) as {
    recipes: Printed[];
    protocol: { gpt2: { eval_every: { value: number } } };
  };
  const everyStep = { evaluateEvery: protocol.gpt2.eval_every.value };
  const keys: Record<string, string> = {
    lr: 'learningRate',
    lr_schedule: 'schedule',
    max_seq_len: 'promptLength',
    weight_decay: 'weightDecay',
    batch_size: 'batchSize',
    warmup_ratio: 'warmup',
    warmup_steps: 'warmup',
    label_smoothing: 'labelSmoothing',
    prefix_length: 'virtualTokens',
    beam_size: 'beams',
    length_penalty: 'lengthPenalty',
    no_repeat_ngram_size: 'noRepeatNgram',
    repetition_penalty: 'repetitionPenalty',
    micro_batch_size: 'microBatch',
  };
  const rename = (printed: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(printed).map(([key, value]) => [keys[key] ?? key, value]));
  let cells = 0;
  for (const { suite, table, model, method, common, per_task, decoding } of recipes) {
    const sites = suite === 'e2e' ? ['query', 'key', 'value'] : ['query', 'value'];
    for (const [task, own] of Object.entries(per_task)) {
      const { source, settings, options } = findRecipe(task, model, method)!;
      // The optimiser is AdamW in all of them; LoRA's sites are the method's own choice.
      const row: Record<string, unknown> = {
        ...common,
        ...own,
        ...decoding,
        ...(suite === 'e2e' && everyStep),
      };
      const { optimizer, targets, ...printed } = row;
      // Llama names its linear maps.
      const roles = JSON.stringify(targets ?? sites)
        .replace('q_proj', 'query')
        .replace('v_proj', 'value');
      expect([optimizer, JSON.parse(roles)]).toEqual(['adamw', sites]);
      // On UltraFeedback the length is that of prompt and answer.
      if (suite === 'ultrafeedback') {
        printed.length = printed.max_seq_len;
        delete printed.max_seq_len;
        delete printed.strategy;
        if (method === 'lora') printed.targets = sites;
      }
      // An adapter's rank is its bottleneck.
      if (method.startsWith('adapter')) {
        printed.bottleneck = printed.rank;
        delete printed.rank;
      }
      expect({ source, ...settings, ...options }).toEqual({
        source: `red/table-${table}`,
        ...rename(printed),
      });
      cells++;
    }
  }
  expect(cells).toBe(redRecipes.length);
});
