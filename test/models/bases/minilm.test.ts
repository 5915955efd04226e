// Compares the pretrained BERT all-MiniLM-L6-v2 with transformers. It needs the model's folder below
// DELTABENCH_BASES and the golden numbers in DELTABENCH_DATA/real-bases.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeLabelled } from '../../../harness/data/examples/encode-labelled.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { makeHead, readBy, withHead } from '../../../harness/models/delta/heads.ts';
import { initialize } from '../../../harness/models/delta/trained-tensors.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { computeEncoder } from '../../parity/encoder.ts';

const [bases, data] = [process.env.DELTABENCH_BASES, process.env.DELTABENCH_DATA];
const folder = join(bases ?? '', 'all-MiniLM-L6-v2');
const figures = join(data ?? '', 'real-bases/golden.json');
const there = existsSync(join(folder, 'config.json')) && existsSync(figures);

interface Input {
  readonly text: string;
  readonly pair?: string;
  readonly ids: number[];
  readonly type_ids: number[];
  readonly cls_first8: number[];
  readonly cls_sum: number;
  readonly cls_norm: number;
  readonly hidden_sum_abs: number;
  readonly pooler_first8: number[];
  readonly embedding_first8: number[];
}
interface Golden {
  readonly tokenise: { text: string; ids: number[] }[];
  readonly inputs: Input[];
}

describe.skipIf(!there)('all-MiniLM-L6-v2 (needs DELTABENCH_BASES and DELTABENCH_DATA)', () => {
  let base: BaseModel;
  let golden: Golden;
  beforeAll(async () => {
    base = await loadBase(folder);
    golden = (JSON.parse(await readFile(figures, 'utf8')) as { encoder: Golden }).encoder;
  });
  const examples = async () => {
    const tokenizer = await base.tokenizer();
    return golden.inputs.map(({ text, pair }) => {
      const texts = pair === undefined ? [text] : [text, pair];
      return encodeLabelled({ id: '', texts, label: 0 }, tokenizer, 512);
    });
  };

  it('tokenises single texts and pairs as transformers does', async () => {
    const tokenizer = await base.tokenizer();
    for (const { text, ids } of golden.tokenise) {
      expect(tokenizer.encode(text, { specialTokens: true }), text).toEqual(ids);
      expect(tokenizer.template([tokenizer.encode(text)]).ids, text).toEqual(ids);
    }
    for (const [i, { ids, types, truncated }] of (await examples()).entries()) {
      expect({ ids, types }).toEqual({ ids: golden.inputs[i]!.ids, types: golden.inputs[i]!.type_ids });
      expect(truncated).toBe(false);
    }
  });

  it('computes its states and its pooler', async () => {
    const engine = await createEngine({ name: 'onnx', threads: 2 });
    const head = makeHead(base, 'huggingface', 2, { dropout: 0 });
    const [whole, delta] = [readBy(head, base), withHead({ trained: {} }, head)];
    const start = await initialize(delta.trained, whole, 0);
    const inputs = await examples();
    const run = { engine, base: whole, delta, head, differentiated: false, states: true };
    const { hidden } = await computeEncoder(run, start, inputs, true);
    const [W, b] = [
      await whole.tensor('bert.pooler.dense.weight'),
      await whole.tensor('bert.pooler.dense.bias'),
    ];
    const d = base.architecture.width;
    let at = 0;
    for (const [i, { ids }] of inputs.entries()) {
      const own = hidden!.subarray(at, (at += ids.length * d));
      const expected = golden.inputs[i]!;
      const cls = own.subarray(0, d);
      expect(cls.slice(0, 8)).toBeAllclose(expected.cls_first8, { atol: 1e-5 });
      expect(cls.reduce((sum, x) => sum + x, 0)).toBeCloseTo(expected.cls_sum, 3.7);
      expect(Math.hypot(...cls) / expected.cls_norm).toBeCloseTo(1, 5);
      expect(own.reduce((sum, x) => sum + Math.abs(x), 0) / expected.hidden_sum_abs).toBeCloseTo(1, 5);
      const pooled = Array.from({ length: 8 }, (_, k) =>
        Math.tanh(cls.reduce((sum, x, j) => sum + x * W[k * d + j]!, b[k]!)),
      );
      expect(pooled).toBeAllclose(expected.pooler_first8, { atol: 1e-5 });
      const mean = Float32Array.from(
        { length: d },
        (_, k) => ids.reduce((sum, _id, t) => sum + own[t * d + k]!, 0) / ids.length,
      );
      const norm = Math.hypot(...mean);
      expect(mean.slice(0, 8).map((x) => x / norm)).toBeAllclose(expected.embedding_first8, { atol: 1e-5 });
    }
  });
});
