// What a base's files say of its texts, as in transformers: the tokens at which they end (a list in
// generation_config.json counts whole), and rules of decoding (golden: lm-eval's own texts).
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { generate } from '../../harness/decoding/generate.ts';
import { createEngine } from '../../harness/engine/create.ts';
import { loadTokenizer } from '../../harness/data/tokenizers/tokenizer.ts';
import { builtinFolder } from '../../harness/models/bases/built-in.ts';
import { endTokens, writingRules } from '../../harness/models/bases/generation-config.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { promptEncoder } from '../../harness/evaluation/likelihoods/tokens.ts';
import { evaluate } from '../../harness/runs/evaluate/evaluate.ts';
import { planEvaluations } from '../../harness/runs/evaluate/plan-evaluations.ts';
import { temporaryFolder } from '../support/temporary.ts';

test.each([
  [{ eos_token_id: [3, 5] }, { eos_token_id: 7 }, [3, 5]],
  [{ eos_token_id: 3 }, { eos_token_id: [7, 8] }, [3]],
  [{}, { eos_token_id: 7 }, []],
  [undefined, { eos_token_id: [7, 8] }, [7, 8]],
  [undefined, { eos_token_id: null }, []],
  [undefined, {}, []],
])('generation_config.json %j goes before config.json %j', async (generation, config, ends) => {
  const folder = await temporaryFolder();
  if (generation) await writeFile(join(folder, 'generation_config.json'), JSON.stringify(generation));
  expect(await endTokens({ id: 'a base', config, folder: () => Promise.resolve(folder) })).toEqual(ends);
  if (!generation) expect(await endTokens({ id: 'a base', config })).toEqual(ends);
});

test.each([['"2"'], ['[2, -1]'], ['{}'], ['[[2]]']])('end tokens %s are refused', async (json) => {
  const folder = await temporaryFolder();
  const path = join(folder, 'generation_config.json');
  await writeFile(path, `{ "eos_token_id": ${json} }`);
  const found = endTokens({ id: 'a base', config: {}, folder: () => Promise.resolve(folder) });
  await expect(found).rejects.toThrow(`${path}: eos_token_id`);
});

/** The evaluation of a base by two word problems. */
async function evaluated(model: string) {
  const results = await temporaryFolder();
  const request = {
    subjects: [{ model }],
    tasks: ['word-problems-gain'],
    limit: 2,
    engine: 'onnx',
    threads: 1,
    results,
  };
  const { signal } = new AbortController();
  const events = { onProgress: () => undefined, onEnd: () => undefined, onNote: () => undefined };
  const [found] = await evaluate(await planEvaluations(request), request, {
    events,
    signal,
    retryFailed: true,
  });
  return found!;
}

/** The texts that a base writes to two word problems. */
async function textsOf(model: string): Promise<string[]> {
  const { path, record } = await evaluated(model);
  const lines = await readFile(join(path, '..', record.files.samples!.name), 'utf8');
  return lines
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { text: string }).text);
}

test('a text ends with the first of the end tokens, which stays unless it is a special one', async () => {
  const folder = await temporaryFolder();
  await cp(builtinFolder('llama-mini'), folder, { recursive: true });
  const { encode, decode, eosId } = await loadTokenizer(folder);
  const whole = await textsOf('llama-mini');
  const written = whole.map((text) => encode(text, { specialTokens: false }));
  const end = written[0]![Math.floor(written[0]!.length / 2)]!;
  await writeFile(join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: [eosId, end] }));
  const cut = written.map((ids) => (ids.includes(end) ? ids.slice(0, ids.indexOf(end) + 1) : ids));
  expect(cut[0]!.length).toBeLessThan(written[0]!.length);
  expect(await textsOf(folder)).toEqual(cut.map((ids) => decode(ids)));
});

const { prompts, tokens, cases } = z
  .object({
    prompts: z.array(z.string()),
    tokens: z.int(),
    cases: z.array(
      z.object({
        in: z.enum(['generation_config.json', 'config.json']),
        settings: z.record(z.string(), z.unknown()),
        texts: z.array(z.string()),
      }),
    ),
  })
  .parse(JSON.parse(await readFile('test/golden/writing-rules.json', 'utf8')));

/** A copy of a base whose file of this name has these settings, too. */
async function copyWith(source: string, file: string, settings: object): Promise<string> {
  const folder = await temporaryFolder();
  await cp(source, folder, { recursive: true });
  if (file === 'config.json') await rm(join(folder, 'generation_config.json'), { force: true });
  const path = join(folder, file);
  const own = JSON.parse(await readFile(path, 'utf8').catch(() => '{}')) as object;
  await writeFile(path, JSON.stringify({ ...own, ...settings }));
  return folder;
}

test.each(cases)(
  'texts under $settings in $in are those of lm-eval',
  async ({ in: file, settings, texts }) => {
    const base = await loadBase(await copyWith('test/golden/metamath-losses/base', file, settings));
    const tokenizer = await base.tokenizer();
    const encode = promptEncoder(tokenizer, 'lm-eval');
    const written = await generate({
      engine: await createEngine({ name: 'onnx', threads: 1 }),
      base,
      delta: { trained: {} },
      tensors: {},
      prompts: prompts.map(encode),
      maxNewTokens: tokens,
      beams: 1,
      eosId: tokenizer.eosId,
      ...(await writingRules(base)),
    });
    expect(written.tokens.map((ids) => tokenizer.decode(ids, { skipSpecialTokens: true }))).toEqual(texts);
  },
);

test("an evaluation by lm-eval follows the base's rules, which are of its identity", async () => {
  const plain = await evaluated('llama-mini');
  expect(plain.record.settings.rules).toBeUndefined();
  const neutral = {
    repetition_penalty: 1,
    no_repeat_ngram_size: 0,
    num_beams: 1,
    bad_words_ids: [],
    min_length: 0,
  };
  const file = 'generation_config.json';
  const same = await evaluated(await copyWith(builtinFolder('llama-mini'), file, neutral));
  expect(same.record.settings.rules).toBeUndefined();
  const ruled = { no_repeat_ngram_size: 2, max_new_tokens: 7 };
  const folder = await copyWith(builtinFolder('llama-mini'), file, ruled);
  const other = await evaluated(folder);
  expect(other.record.settings.rules).toEqual({ noRepeatNgram: 2, maxNewTokens: 7 });
  const { encode } = await loadTokenizer(folder);
  const texts = await textsOf(folder);
  expect(texts).not.toEqual(await textsOf('llama-mini'));
  for (const text of texts) expect(encode(text, { specialTokens: false }).length).toBeLessThanOrEqual(7);
});

test.each([
  ['bad_words_ids', [[5]]],
  ['num_beams', 4],
  ['suppress_tokens', [3]],
  ['min_new_tokens', 2],
  ['repetition_penalty', 0],
  ['no_repeat_ngram_size', 'two'],
])('%s of %j is refused by name', async (name, value) => {
  const folder = await copyWith(builtinFolder('llama-mini'), 'generation_config.json', { [name]: value });
  await expect(evaluated(folder)).rejects.toThrow(new RegExp(`${folder}/generation_config.json: ${name}`));
});
