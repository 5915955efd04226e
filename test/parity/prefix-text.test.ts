// Compares prefixes that start as a text with peft's initialize_kv_prefix_from_text; the goldens are made by
// test/golden/parity/prefix-text.py.
import { beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { initialize } from '../../harness/models/delta/trained-tensors.ts';
import prefix from '../../methods/prefix.ts';
import { computeDecoder, type Batch } from './decoder.ts';
import { folderOf, readGolden, readTensors } from './folder.ts';

interface Golden {
  readonly tokens: number[];
  readonly virtual: number;
  readonly batch: Batch;
  readonly loss: number;
}

/** The base with a tokenizer that gives these tokens for every text: the tiny models have none. */
function readingAs(base: BaseModel, tokens: number[]): BaseModel {
  const tokenizer = { encode: () => tokens } as unknown as Awaited<ReturnType<BaseModel['tokenizer']>>;
  return { ...base, tokenizer: () => Promise.resolve(tokenizer) };
}

describe.each(['gpt2-tiny', 'llama-tiny'])('%s', (model) => {
  const golden = readGolden<Golden>('methods', model, 'prefix-text.json');
  let engine: Engine;
  let base: BaseModel;
  beforeAll(async () => {
    engine = await createEngine({ name: 'onnx', threads: 1 });
    base = readingAs(await loadBase(folderOf(model)), golden.tokens);
  });

  it('a prefix of a text is the keys and values of its first tokens, and the base goes on as in peft', async () => {
    const options = { virtualTokens: golden.virtual, start: 'text', text: 'made up' };
    const delta = prefix.attach(base, prefix.options.parse(options));
    const begun = await initialize(delta.trained, base, 0);
    const tensors = await readTensors('methods', model, 'prefix-text.safetensors');
    const theirs = tensors['init.embedding.weight']!;
    expect(begun['embedding.weight']).toBeAllclose(theirs, { atol: 1e-5 });
    const { loss, logits } = await computeDecoder(engine, base, delta, begun, golden.batch);
    expect(loss / golden.loss).toBeCloseTo(1, 5.4);
    expect(logits).toBeAllclose(tensors.logits!, { atol: 1e-5 });
  });

  it.each([
    [{ start: 'text' }, 'prefix tuning takes a text with start=text, and only then'],
    [{ text: 'tea' }, 'prefix tuning takes a text with start=text, and only then'],
    [{ start: 'text', text: 'tea', projection: true }, 'a projected prefix is made by a network'],
  ])('refuses %j', (options, message) => {
    expect(() => prefix.attach(base, prefix.options.parse({ virtualTokens: 3, ...options }))).toThrow(
      message,
    );
  });

  it('refuses a text with fewer tokens than the prefix', async () => {
    const options = prefix.options.parse({ virtualTokens: 12, start: 'text', text: 'tea' });
    const { trained } = prefix.attach(base, options);
    await expect(initialize(trained, base, 0)).rejects.toThrow(
      'the text has 9 tokens, fewer than the 12 virtual ones of the prefix',
    );
  });
});

it('refuses a base that keeps no keys and values of a text', async () => {
  const base = await loadBase(folderOf('t5-tiny'));
  const options = prefix.options.parse({ virtualTokens: 3, start: 'text', text: 'tea' });
  expect(() => prefix.attach(base, options)).toThrow(/start=text needs a decoder.*t5-tiny is none/);
});
