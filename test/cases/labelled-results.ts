// Writes made-up runs of a two-class task in the layout of real ones: records with predictions, of which a
// given share is right. Used by the tests of marks.
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hashJson } from '../../harness/support/json/canonical-json.ts';
import type { RunRecord, Settings } from '../../harness/records/record.ts';
import { besideRecord, recordPath } from '../../harness/records/record-files.ts';
import { sampleRecord, settings } from '../records/sample-record.ts';

/** A method's runs: by seed the share of right answers, `alike` for constant answers, or `failed`. */
export interface MadeMethod {
  readonly name: string;
  readonly right: readonly (number | 'alike' | 'failed')[];
  readonly trained?: number;
}

/**
 * Writes runs of `examples` test examples each, half of them with label 1. Method and seed determine which
 * answers are wrong.
 */
export async function writeLabelled(
  results: string,
  methods: readonly MadeMethod[],
  { task = 'sst2', examples = 200 }: { readonly task?: string; readonly examples?: number } = {},
): Promise<void> {
  for (const [m, { name, right, trained = 1000 * (m + 1) }] of methods.entries()) {
    for (const [s, share] of right.entries()) {
      const seed = s + 1;
      const own: Settings = {
        ...settings,
        task: { name: task, version: 1 },
        model: { ...settings.model, id: 'roberta-mini' },
        methods: [{ name, options: {} }],
        limits: { examples: null, steps: null },
        seed,
      };
      const path = recordPath(results, { task, model: 'roberta-mini', variant: name, seed });
      await mkdir(dirname(path), { recursive: true });
      const record: Partial<RunRecord> = {
        identity: hashJson(own),
        settings: own,
        method: { variant: name, label: name },
        parameters: { trained, head: 0, all: 1e6 },
        ...(share === 'failed'
          ? {
              status: 'failed',
              error: { name: 'Diverged', message: 'the loss became non-finite' },
              metrics: [],
            }
          : await predict(path, share, { shift: 31 * m + 7 * s, examples })),
      };
      await writeFile(path, JSON.stringify(sampleRecord(record)));
    }
  }
}

async function predict(
  path: string,
  share: number | 'alike',
  { shift, examples }: { readonly shift: number; readonly examples: number },
): Promise<Partial<RunRecord>> {
  const count = share === 'alike' ? 0 : Math.round(share * examples);
  const rows = Array.from({ length: examples }, (_, id) => {
    const label = id % 2;
    // 37 has no common factor with the number of examples, which spreads right answers over all of them.
    const isRight = (id * 37 + shift) % examples < count;
    const prediction = share === 'alike' ? 0 : isRight ? label : 1 - label;
    return { id: String(id), label, prediction };
  });
  const right = rows.filter(({ label, prediction }) => label === prediction).length;
  const text = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  const file = besideRecord(path, 'predictions.jsonl');
  await writeFile(file, text);
  const used = { used: examples, of: examples };
  return {
    examples: { train: used, validation: used, test: used },
    metrics: [
      {
        name: 'accuracy',
        split: 'test',
        value: right / examples,
        higherIsBetter: true,
        scale: 100,
        decimals: 1,
      },
    ],
    files: {
      predictions: {
        name: file.split('/').at(-1)!,
        sha256: createHash('sha256').update(text).digest('hex'),
      },
    },
  };
}
