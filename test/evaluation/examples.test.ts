// Few-shot examples where rows repeat, under the same id or another, against lm-eval's own sampler.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ChoiceEvaluation, EvaluationProtocol } from '../../harness/evaluation/evaluation.ts';
import { promptsOf } from '../../harness/evaluation/prompts.ts';
import { loadEvaluations } from '../../harness/runs/plan/load-plugins.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { sha1 } from './golden.ts';

/** What test/golden/evaluation/make_examples.py prints. */
const drawn = '834108b0a3b5c5b8ff8957da3b8d53b2ff5e8edb';

const row = (id: number, text: number) => ({
  ind: id,
  activity_label: `activity ${text}`,
  ctx_a: 'Somebody',
  ctx_b: '',
  endings: ['sits', 'runs'],
  label: '0',
});
const pool = Array.from({ length: 14 }, (_, i) => row(i % 3, i % 9));

async function examplesOf(protocol: EvaluationProtocol, rows = pool, shots = 4) {
  const folder = await temporaryFolder();
  const documents = Array.from({ length: 60 }, (_, i) => row(i % 4, i % 11));
  await mkdir(join(folder, 'hellaswag'));
  for (const [split, all] of Object.entries({ validation: documents, train: rows }))
    await writeFile(
      join(folder, 'hellaswag', `${split}.jsonl`),
      all.map((one) => JSON.stringify(one)).join('\n'),
    );
  const evaluation = (await loadEvaluations()).get('hellaswag') as ChoiceEvaluation;
  const source = { kind: 'folder', path: folder } as const;
  const data = await evaluation.load({ source, protocol, needsPool: true });
  return promptsOf(evaluation, data, shots, { protocol }).map(({ examples }) => examples);
}

test('a document is never its own example, and copies that were drawn are made up for, as lm-eval does', async () => {
  const examples = await examplesOf('lm-eval');
  const names = examples.map((own) =>
    own.map((place) => `${pool[place]!.ind} ${pool[place]!.activity_label}`),
  );
  expect(sha1(JSON.stringify(names))).toBe(drawn);
});

test("by lm-eval's state of 2024 a document whose copies were drawn has fewer examples", async () => {
  const counts = new Set((await examplesOf('lm-eval-2024')).map((own) => own.length));
  expect([...counts].sort()).toEqual([3, 4]);
});

test('too few other rows are refused', async () => {
  const copies = Array.from({ length: 6 }, () => row(0, 0));
  await expect(examplesOf('lm-eval', copies)).rejects.toThrow(
    /--shots 4: hellaswag has 0 examples to take them from/,
  );
});
