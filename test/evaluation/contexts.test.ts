/** Prompts of evaluations against lm-eval's, by hash. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EvaluationData, EvaluationProtocol } from '../../harness/evaluation/evaluation.ts';
import { alternativesOf, promptsOf, type Prompt } from '../../harness/evaluation/prompts.ts';
import { choiceEvaluation, dataFolder, golden, hasGolden, sha1 } from './golden.ts';

interface Row {
  i: number;
  ctx: string | string[];
  shots?: number[];
}

const contexts = (): Record<string, Row[]> => golden('contexts') as Record<string, Row[]>;

describe.skipIf(!hasGolden)(
  'prompts are those of lm-eval, by their hashes (DELTABENCH_DATA: eval-golden)',
  () => {
    let folder = '';
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
      await execa('tar', ['-xzf', join(dataFolder, 'mmlu-truthfulqa-arc', 'MMLU.tar.gz'), '-C', folder]);
    });
    afterAll(() => rm(folder, { recursive: true }));

    const load = async (name: string, path: string, protocol: EvaluationProtocol = 'lm-eval') => {
      const evaluation = await choiceEvaluation(name);
      const source = { kind: 'folder', path } as const;
      return {
        evaluation,
        data: await evaluation.load({ source, protocol, needsPool: name !== 'winogrande' }),
      };
    };

    function check(rows: readonly Row[], prompts: readonly Prompt[]): void {
      for (const { i, ctx, shots } of rows) {
        const { examples } = prompts[i]!;
        const alternatives = alternativesOf(prompts[i]!);
        const contexts = alternatives.map(({ context }) => sha1(context));
        expect(contexts, `document ${i}`).toEqual(Array.isArray(ctx) ? ctx : alternatives.map(() => ctx));
        if (shots) expect(examples, `document ${i}`).toEqual(shots);
      }
    }

    test.each([
      ['arc-challenge', 'arc_challenge_25', 25],
      ['arc-easy', 'arc_easy_25', 25],
    ])('%s', async (name, file, shots) => {
      const { evaluation, data } = await load(name, dataFolder);
      check(contexts()[file]!, promptsOf(evaluation, data, shots));
    });

    test.each([
      'abstract_algebra',
      'high_school_us_history',
      'moral_scenarios',
      'professional_law',
      'anatomy',
    ])('mmlu, %s', async (subject) => {
      const { evaluation, data } = await load(`mmlu-${subject.replaceAll('_', '-')}`, folder);
      check(contexts()[`mmlu_${subject}_5`]!, promptsOf(evaluation, data, 5));
    });

    test('truthfulqa, as it is and as the RED paper asks', async () => {
      const place = join(dataFolder, 'mmlu-truthfulqa-arc');
      const own = await load('truthfulqa-mc1', place);
      check(contexts().truthfulqa!, promptsOf(own.evaluation, own.data, 0));
      for (const [file, name, protocol] of [
        ['truthfulqa_mc1', 'truthfulqa-mc1', 'lm-eval'],
        ['truthfulqa_mc2', 'truthfulqa-mc2', 'lm-eval'],
        ['truthfulqa_mc2_red', 'truthfulqa-mc2', 'red'],
      ] as const) {
        const { evaluation, data } = await load(name, place, protocol);
        const { docs } = golden(file) as { docs: (Row & { cont: string[] })[] };
        const prompts = promptsOf(evaluation, data, 0);
        check(docs, prompts);
        for (const { i, cont } of docs)
          expect(alternativesOf(prompts[i]!).map(({ continuation }) => sha1(continuation))).toEqual(cont);
      }
    });

    test('winogrande, whose examples here are other rows of its split', async () => {
      const { evaluation, data } = await load('winogrande', dataFolder);
      const parted: EvaluationData = {
        ...data,
        documents: data.documents.slice(0, 600),
        pool: data.documents.slice(600),
      };
      check(contexts().winogrande_5!, promptsOf(evaluation, parted, 5));
    });
  },
);
