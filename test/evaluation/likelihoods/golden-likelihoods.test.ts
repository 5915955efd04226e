import { execa } from 'execa';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EvaluationData, EvaluationProtocol, Measure } from '../../../harness/evaluation/evaluation.ts';
import { chosenBy, meanOf, pooledMean, scoreOf } from '../../../harness/evaluation/measures.ts';
import { alternativesOf, promptsOf, type Prompt } from '../../../harness/evaluation/prompts.ts';
import { encodeAlternatives } from '../../../harness/evaluation/likelihoods/tokens.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { choiceEvaluation, dataFolder, golden, hasGolden } from '../golden.ts';
import { scoreAll } from './score-all.ts';

const folder = join(process.env.DELTABENCH_BASES ?? '', 'SmolLM2-135M-Instruct');
const isThere = hasGolden && existsSync(join(folder, 'config.json'));

interface Golden {
  n_ctx: number | number[];
  n_cont: number[];
  ll: number[];
  greedy: boolean[];
  pred: number;
  i: number;
  subject?: string;
  acc?: number;
  acc_norm?: number;
  mc2?: number;
}

// Numbers of lm-eval 0.4.13 on a real base, float32; its own with and without a shared prefix differ by
// 3.1e-5.
describe.skipIf(!isThere)(
  'log-likelihoods are those of lm-eval on SmolLM2-135M-Instruct (DELTABENCH_DATA, DELTABENCH_BASES)',
  () => {
    let subjects = '';
    beforeAll(async () => {
      subjects = await mkdtemp(join(tmpdir(), 'deltabench-'));
      await execa('tar', ['-xzf', join(dataFolder, 'mmlu-truthfulqa-arc', 'MMLU.tar.gz'), '-C', subjects]);
    });
    afterAll(() => rm(subjects, { recursive: true }));

    async function likelihoodsOf(prompts: readonly Prompt[], protocol: EvaluationProtocol = 'lm-eval') {
      const base = await loadBase(folder);
      const tokenizer = await base.tokenizer();
      const documents = prompts.map((prompt) =>
        encodeAlternatives(tokenizer, alternativesOf(prompt), protocol),
      );
      const found = await scoreAll(documents, base, { trained: {} }, {});
      return { found, documents };
    }

    async function check(
      prompts: readonly Prompt[],
      rows: readonly Golden[],
      measures: readonly Measure[],
      protocol: EvaluationProtocol = 'lm-eval',
    ): Promise<Record<string, number[]>> {
      const { found, documents } = await likelihoodsOf(prompts, protocol);
      const scores: Record<string, number[]> = {};
      rows.forEach((row, place) => {
        const own = found[place]!;
        expect(documents[place]!.map(({ context }) => context.length)).toEqual(
          own.map((_, i) => (typeof row.n_ctx === 'number' ? row.n_ctx : row.n_ctx[i])),
        );
        expect(documents[place]!.map(({ continuation }) => continuation.length)).toEqual(row.n_cont);
        expect(
          own.map(({ logLikelihood }) => logLikelihood),
          `document ${row.i}`,
        ).toBeAllclose(row.ll, { atol: 1e-3 });
        expect(own.map(({ isGreedy }) => isGreedy)).toEqual(row.greedy);
        const { document } = prompts[place]!;
        if (!measures.includes('mc2')) expect(chosenBy('acc', document, own)).toBe(row.pred);
        for (const measure of measures) {
          const score = scoreOf(measure, document, own);
          if (measure === 'mc2') expect(score).toBeCloseTo(row.mc2 ?? row.acc!, 4);
          else expect(score).toBe(row[measure]);
          (scores[measure] ??= []).push(score);
        }
      });
      return scores;
    }

    interface File {
      num_fewshot: number;
      aggregate: Record<string, number>;
      docs: Golden[];
    }

    test.each([
      ['arc_challenge_25shot', 'arc-challenge', dataFolder, ['acc', 'acc_norm'], 'lm-eval'],
      ['truthfulqa_mc2_red', 'truthfulqa-mc2', join(dataFolder, 'mmlu-truthfulqa-arc'), ['mc2'], 'red'],
      ['winogrande_5shot', 'winogrande', dataFolder, ['acc'], 'lm-eval'],
    ] as const)('%s', async (file, name, path, measures, protocol) => {
      const evaluation = await choiceEvaluation(name);
      const read = await evaluation.load({
        source: { kind: 'folder', path },
        protocol,
        needsPool: name === 'arc-challenge',
      });
      const data: EvaluationData =
        name === 'winogrande'
          ? { ...read, documents: read.documents.slice(0, 600), pool: read.documents.slice(600) }
          : read;
      const { num_fewshot: shots, aggregate, docs } = golden(file) as File;
      const all = promptsOf(evaluation, data, shots);
      const scores = await check(
        docs.map(({ i }) => all[i]!),
        docs,
        measures,
        protocol,
      );
      for (const measure of measures) {
        const { value, standardError } = meanOf(scores[measure]!);
        const name = measure === 'mc2' ? 'acc' : measure;
        const digits = measure === 'mc2' ? 4 : 12;
        expect(value).toBeCloseTo(aggregate[name]!, digits);
        expect(standardError).toBeCloseTo(aggregate[`${name}_stderr`]!, digits);
      }
    });

    test('mmlu_5shot, the mean of its subjects, too', async () => {
      const {
        subjects: expected,
        group,
        docs,
      } = golden('mmlu_5shot') as File & {
        subjects: Record<string, Record<string, number>>;
        group: Record<string, number>;
      };
      const means = [];
      for (const [subject, aggregate] of Object.entries(expected)) {
        const evaluation = await choiceEvaluation(`mmlu-${subject.replaceAll('_', '-')}`);
        const source = { kind: 'folder', path: subjects } as const;
        const data = await evaluation.load({ source, protocol: 'lm-eval', needsPool: true });
        const rows = docs.filter((row) => row.subject === subject);
        const all = promptsOf(evaluation, data, 5);
        const { acc } = await check(
          rows.map(({ i }) => all[i]!),
          rows,
          ['acc'],
        );
        const mean = meanOf(acc!);
        expect([mean.value, mean.standardError]).toBeAllclose([aggregate.acc!, aggregate.acc_stderr!], {
          atol: 1e-12,
        });
        means.push(mean);
      }
      const { value, standardError } = pooledMean(means);
      expect([value, standardError]).toBeAllclose([group.acc!, group.acc_stderr!], { atol: 1e-12 });
    });
  },
);
