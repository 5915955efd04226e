/**
 * Evaluations by generated texts against goldens: prompts by hash, and the answers read from the goldens'
 * tokens.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadTokenizer } from '../../harness/data/tokenizers/tokenizer.ts';
import type { EvaluationProtocol, TextEvaluation } from '../../harness/evaluation/evaluation.ts';
import { promptsOf } from '../../harness/evaluation/prompts.ts';
import { loadEvaluations } from '../../harness/runs/plan/load-plugins.ts';
import { writtenText } from '../../harness/runs/evaluate/work/text-work.ts';
import { dataFolder, golden, hasGolden, sha1 } from './golden.ts';

const evaluations = await loadEvaluations();
const source = { kind: 'folder', path: dataFolder } as const;
const smol = join(process.env.DELTABENCH_BASES ?? '', 'SmolLM2-135M-Instruct');

async function open(name: string, protocol: EvaluationProtocol, shots = 0) {
  const evaluation = evaluations.get(name) as TextEvaluation;
  const data = await evaluation.load({ source, protocol, needsPool: shots > 0 });
  return { evaluation, prompts: promptsOf(evaluation, data, shots) };
}

interface Row {
  readonly i: number;
  readonly set: string;
  readonly prompt: string;
  readonly n_prompt: number;
  readonly ids: number[];
  readonly text: string;
  readonly extracted: string;
  readonly correct: boolean;
}
const files = [
  ['commonsense_pyreft', 'commonsense', 'pyreft'],
  ['commonsense_llm_adapters', 'commonsense', 'llm-adapters'],
  ['arithmetic_pyreft', 'arithmetic', 'pyreft'],
] as const;
const names: Readonly<Record<string, string>> = { social_i_qa: 'siqa', openbookqa: 'obqa' };
const nameOf = (group: string, set: string): string => `${group}-${names[set] ?? set.toLowerCase()}`;
const rowsOf = (file: string): Row[] => (hasGolden ? (golden(file) as { docs: Row[] }).docs : []);

describe.skipIf(!hasGolden)('prompts are those of the references (DELTABENCH_DATA: eval-golden)', () => {
  test.each(files)('%s', async (file, group, protocol) => {
    for (const { set, i, prompt } of rowsOf(file)) {
      const { prompts } = await open(nameOf(group, set), protocol);
      const { textOf, document } = prompts[i]!;
      expect(sha1(textOf(document.prompt)), `${set}, document ${i}`).toBe(prompt);
    }
  });

  test('gsm8k with five examples', async () => {
    const path = join(dataFolder, 'gsm8k');
    const evaluation = evaluations.get('gsm8k') as TextEvaluation;
    const data = await evaluation.load({
      source: { kind: 'folder', path },
      protocol: 'lm-eval',
      needsPool: true,
    });
    const prompts = promptsOf(evaluation, data, 5);
    const rows = (golden('contexts') as Record<string, { i: number; ctx: string; shots?: number[] }[]>)
      .gsm8k_5!;
    for (const { i, ctx, shots } of rows) {
      const { textOf, document, examples } = prompts[i]!;
      expect(sha1(textOf(document.prompt)), `document ${i}`).toBe(ctx);
      if (shots) expect(examples).toEqual(shots);
    }
  });
});

describe.skipIf(!hasGolden || !existsSync(join(smol, 'tokenizer.json')))(
  "answers are read as the references read them, of the goldens' own tokens (DELTABENCH_DATA, DELTABENCH_BASES)",
  () => {
    test.each(files)('%s', async (file, group, protocol) => {
      const tokenizer = await loadTokenizer(smol);
      const { eosId } = tokenizer;
      for (const { set, i, n_prompt, ids, extracted, correct } of rowsOf(file)) {
        const { evaluation, prompts } = await open(nameOf(group, set), protocol);
        const { document } = prompts[i]!;
        const prompt = tokenizer.encode(document.prompt);
        expect(prompt).toHaveLength(n_prompt);
        const written = ids.filter((id) => id !== eosId);
        const text = writtenText(tokenizer, prompt, written, evaluation.decoding(protocol));
        const { accuracy } = evaluation.read(text, document, protocol);
        expect(accuracy!.isRight, `${set}, document ${i}`).toBe(correct);
        const isNumber = typeof extracted === 'number';
        expect(isNumber ? Number(accuracy!.answer) : (accuracy!.answer ?? ''), `${set}, document ${i}`).toBe(
          extracted,
        );
      }
    });

    test('gsm8k_5shot', async () => {
      const tokenizer = await loadTokenizer(smol);
      const evaluation = evaluations.get('gsm8k') as TextEvaluation;
      const path = join(dataFolder, 'gsm8k');
      const data = await evaluation.load({
        source: { kind: 'folder', path },
        protocol: 'lm-eval',
        needsPool: false,
      });
      const docs = (golden('gsm8k_5shot') as { docs: (Row & Record<string, string | number>)[] }).docs;
      for (const row of docs) {
        const text = writtenText(tokenizer, [], row.ids, evaluation.decoding('lm-eval'));
        expect(sha1(text.text), `document ${row.i}`).toBe(row.text);
        const readings = evaluation.read(text, data.documents[row.i]!, 'lm-eval');
        for (const filter of ['strict-match', 'flexible-extract']) {
          const { answer, isRight } = readings[`exact_match,${filter}`]!;
          expect([answer ?? '[invalid]', isRight ? 1 : 0]).toEqual([
            row[filter],
            row[`exact_match,${filter}`],
          ]);
        }
      }
    });
  },
);
