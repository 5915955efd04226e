/** Prompts of evaluations against lm-eval's, by hash. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer } from '../../harness/data/tokenizers/tokenizer.ts';
import type { EvaluationData, EvaluationProtocol } from '../../harness/evaluation/evaluation.ts';
import { promptEncoder } from '../../harness/evaluation/likelihoods/tokens.ts';
import { alternativesOf, promptsOf, type Prompt } from '../../harness/evaluation/prompts.ts';
import { loadEvaluations } from '../../harness/runs/plan/load-plugins.ts';
import { choiceEvaluation, dataFolder, golden, hasGolden, sha1 } from './golden.ts';

interface Row {
  i: number;
  ctx: string | string[];
  shots?: number[];
}

interface ChatRow {
  task: string;
  shots: number;
  multiturn: boolean;
  system: string | null;
  i: number;
  ctx: string[];
  n: number;
  cont: string;
}
const smol = join(process.env.DELTABENCH_BASES ?? '', 'SmolLM2-135M-Instruct');

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

    test.skipIf(!existsSync(join(smol, 'tokenizer.json')))(
      'with a chat template: a turn for each example (DELTABENCH_BASES)',
      async () => {
        const tokenizer = await loadTokenizer(smol);
        const { docs } = golden('chat') as { docs: ChatRow[] };
        const places = { mmlu_anatomy: folder, truthfulqa_mc2: join(dataFolder, 'mmlu-truthfulqa-arc') };
        const rows = docs.filter(({ multiturn, system }) => multiturn && system === null);
        for (const name of new Set(rows.map(({ task }) => task))) {
          const evaluation = (await loadEvaluations()).get(name.replaceAll('_', '-'))!;
          const own: Partial<Record<string, string>> = { ...places, gsm8k: join(dataFolder, 'gsm8k') };
          const request = {
            source: { kind: 'folder', path: own[name] ?? dataFolder },
            protocol: 'lm-eval',
            needsPool: !['winogrande', 'truthfulqa_mc2'].includes(name),
          } as const;
          const encode = promptEncoder(tokenizer, 'lm-eval');
          const check = ({ i, ctx, n }: ChatRow, ...contexts: string[]): void => {
            expect(contexts.map(sha1), `${name}, document ${i}`).toEqual(ctx);
            expect(encode(contexts[0]!)).toHaveLength(n);
          };
          const options = { chat: tokenizer.chat };
          if (evaluation.kind === 'choices') {
            const loaded = await evaluation.load(request);
            const data =
              name === 'winogrande'
                ? { ...loaded, documents: loaded.documents.slice(0, 600), pool: loaded.documents.slice(600) }
                : loaded;
            for (const row of rows.filter(({ task }) => task === name)) {
              const prompt = promptsOf(evaluation, data, row.shots, options)[row.i]!;
              const [first, second] = alternativesOf(prompt);
              check(row, first!.context, second!.context);
              expect(sha1(first!.continuation)).toBe(row.cont);
            }
          } else if (evaluation.kind === 'text') {
            const data = await evaluation.load(request);
            for (const row of rows.filter(({ task }) => task === name)) {
              const { textOf, document } = promptsOf(evaluation, data, row.shots, options)[row.i]!;
              check(row, textOf(document.prompt));
            }
          }
        }
      },
    );
  },
);
