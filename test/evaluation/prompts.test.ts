// Prompts and tokens of every suite by other shots and limits against lm-eval's own, by hash (test/golden/evaluation).
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer, type Tokenizer } from '../../harness/data/tokenizers/tokenizer.ts';
import type { ChoiceDocument, EvaluationData, TextDocument } from '../../harness/evaluation/evaluation.ts';
import { encodeAlternatives, promptEncoder } from '../../harness/evaluation/likelihoods/tokens.ts';
import { alternativesOf, promptsOf } from '../../harness/evaluation/prompts.ts';
import { loadEvaluations } from '../../harness/runs/plan/load-plugins.ts';
import { dataFolder, hasGolden, sha1 } from './golden.ts';

interface Golden {
  readonly task: string;
  readonly shots: number;
  readonly limit: number;
  readonly chat: boolean;
  readonly requests: number;
  readonly texts: string;
  readonly tokens: string;
}

const folder = new URL('../golden/evaluation/', import.meta.url);
const read = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(name, folder), 'utf8'));
const goldens = (await read('prompts.json')) as Golden[];
const base = join(process.env.DELTABENCH_BASES ?? '', 'SmolLM2-135M-Instruct');

/** WinoGrande's last row in make.py, beside those of the data. */
const oddRow = { before: '', after: "'s hat  fell, and _ too.", options: [' Ann ', 'Bo'], gold: 1 };

describe.skipIf(!hasGolden || !existsSync(join(base, 'tokenizer.json')))(
  'prompts and tokens are those of lm-eval 0.4.13 (DELTABENCH_DATA, DELTABENCH_BASES)',
  () => {
    let unpacked = '';
    let tokenizer: Tokenizer;
    beforeAll(async () => {
      unpacked = await mkdtemp(join(tmpdir(), 'deltabench-'));
      await execa('tar', ['-xzf', join(dataFolder, 'mmlu-truthfulqa-arc', 'MMLU.tar.gz'), '-C', unpacked]);
      await mkdir(join(unpacked, 'hellaswag'), { recursive: true });
      const rows = (await read('hellaswag-rows.json')) as Record<string, unknown[]>;
      for (const [split, own] of Object.entries(rows))
        await writeFile(
          join(unpacked, 'hellaswag', `${split}.jsonl`),
          own.map((row) => JSON.stringify(row)).join('\n'),
        );
      tokenizer = await loadTokenizer(base);
    });

    afterAll(() => rm(unpacked, { recursive: true }));

    /** The folder of a task's data. */
    function placeOf(task: string): string {
      if (task.startsWith('mmlu') || task === 'hellaswag') return unpacked;
      if (task.startsWith('truthfulqa')) return join(dataFolder, 'mmlu-truthfulqa-arc');
      return task === 'gsm8k' ? join(dataFolder, 'gsm8k') : dataFolder;
    }

    /** WinoGrande's rows as make.py divides them. */
    function divided({ documents, ...data }: EvaluationData): EvaluationData {
      const { before, after, options, gold } = oddRow;
      const odd: ChoiceDocument = {
        example: { question: before + options[gold]!, answer: after },
        alternatives: options.map((option) => ({ context: before + option, continuation: ` ${after}` })),
        gold,
      };
      return { ...data, documents: [...documents.slice(700), odd], pool: documents.slice(0, 703) };
    }

    test.each(goldens)('$task, $shots shots, chat: $chat', async (golden) => {
      const { task, shots, limit, chat } = golden;
      const evaluation = (await loadEvaluations()).get(task.replaceAll('_', '-'))!;
      const source = { kind: 'folder', path: placeOf(task) } as const;
      const request = { source, protocol: 'lm-eval', needsPool: shots > 0 && task !== 'winogrande' } as const;
      const options = { limit, ...(chat && { chat: tokenizer.chat }) };
      const texts: [string, string][] = [];
      const tokens: (readonly (readonly number[])[])[] = [];
      if (evaluation.kind === 'text') {
        const data: EvaluationData<TextDocument> = await evaluation.load(request);
        for (const { textOf, document } of promptsOf(evaluation, data, shots, options)) {
          texts.push([textOf(document.prompt), '']);
          tokens.push([promptEncoder(tokenizer, 'lm-eval')(textOf(document.prompt)), []]);
        }
      } else if (evaluation.kind === 'choices') {
        const loaded = await evaluation.load(request);
        const data = task === 'winogrande' ? divided(loaded) : loaded;
        for (const prompt of promptsOf(evaluation, data, shots, options)) {
          const alternatives = alternativesOf(prompt);
          for (const { context, continuation } of alternatives) texts.push([context, continuation]);
          for (const { context, continuation } of encodeAlternatives(tokenizer, alternatives, 'lm-eval'))
            tokens.push([context, continuation]);
        }
      }
      expect({
        requests: texts.length,
        texts: sha1(JSON.stringify(texts)),
        tokens: sha1(JSON.stringify(tokens)),
      }).toEqual({ requests: golden.requests, texts: golden.texts, tokens: golden.tokens });
    });
  },
);
