// Regression tests: LoRA and DoRA on embeddings and on the output head were refused. Adapters are peft's,
// written by make-adapters.py.
import { expect, it } from 'vitest';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { startFrom } from '../../harness/exchange/adapter.ts';
import { mergeDelta } from '../../harness/models/delta/merge.ts';
import { attachMethod, logitsUnder } from '../exchange/reading.ts';
import { describeAdapters, describeGradients, engine, openGolden, variantsOf } from './adapters.ts';

const name = 'exchange-lora-embeddings';
/** Adapters with tests of their own below. */
const apart = ['llama-half', 't5-shared', 't5-words', 't5-encoder-words'];

describeAdapters(
  name,
  variantsOf(name).filter((variant) => !apart.includes(variant)),
);

describeGradients(name, ['gpt2-words-and-head', 'llama-dora', 't5-words']);

it.each(['t5-words', 't5-encoder-words'])(
  "%s: computes peft's numbers, and no weights hold it",
  async (variant) => {
    const { folder, base, expected } = await openGolden(name, variant);
    const adapter = await readAdapter(folder, base);
    const ours = await logitsUnder(engine, base, adapter, expected.batch);
    expect(ours).toBeAllclose(expected.logits!, { atol: 1e-5 });
    const { delta } = startFrom(base, attachMethod(base, adapter.method, adapter.options), adapter, 'it');
    const values = Object.fromEntries(Object.entries(adapter.tensors).map(([key, { data }]) => [key, data]));
    expect(() => mergeDelta(base, delta, values)).toThrow(
      'encoder.embed_tokens and decoder.embed_tokens share shared.weight',
    );
  },
);

it('half: the copies of the base that an adapter in bfloat16 holds do not take its place', async () => {
  const { folder, base, expected } = await openGolden(name, 'llama-half');
  const adapter = await readAdapter(folder, base);
  expect(Object.keys(adapter.tensors).sort()).toEqual([
    'lm_head.lora_A.weight',
    'lm_head.lora_B.weight',
    'model.embed_tokens.lora_embedding_A',
    'model.embed_tokens.lora_embedding_B',
  ]);
  // peft computes with the rounded copies, which are up to 2^-9 of a number away.
  const ours = await logitsUnder(engine, base, adapter, expected.batch);
  expect(ours).toBeAllclose(expected.logits!, { atol: 0.1 });
});

it('refuses an adapter over an embedding of its own', async () => {
  const { folder, base } = await openGolden(name, 'gpt2-words-and-head');
  const tensor = async (key: string): Promise<Float32Array> => {
    const values = await base.tensor(key);
    return key === 'transformer.wte.weight'
      ? values.map((value, i) => (i === 7 ? value + 1 : value))
      : values;
  };
  await expect(readAdapter(folder, { ...base, tensor })).rejects.toThrow(
    /holds a (lm_head|transformer\.wte) of its own, \[19, 16\].*which is not that of/s,
  );
});

it("refuses T5's shared embedding, which transformers does not read", async () => {
  const { folder, base } = await openGolden(name, 't5-shared');
  await expect(readAdapter(folder, base)).rejects.toThrow(
    'adapts "shared", which computes nothing in transformers: its weight is read by encoder.embed_tokens and ' +
      'decoder.embed_tokens and lm_head.',
  );
});
