// The tokens at which a base ends its texts: a list in generation_config.json counts whole, as in transformers.
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadTokenizer } from '../../harness/data/tokenizers/tokenizer.ts';
import { builtinFolder } from '../../harness/models/bases/built-in.ts';
import { endTokens } from '../../harness/models/bases/generation-config.ts';
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

/** The texts that a base writes to two word problems. */
async function textsOf(model: string): Promise<string[]> {
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
  const [evaluated] = await evaluate(await planEvaluations(request), request, {
    events,
    signal,
    retryFailed: true,
  });
  const { path, record } = evaluated!;
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
