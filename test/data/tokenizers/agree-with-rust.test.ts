// Compares tiny tokenizers with tokenizers 0.23.3 and AutoTokenizer of transformers 5.24: every component and
// option of Hugging Face's library, and folders whose files contradict each other. Golden numbers are written
// by test/golden/tokenizers/make.py, those of random folders by random-folders.py beside it.
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { UsageError } from '../../../harness/support/errors.ts';
import type { JsonObject } from '../../../harness/support/json/json-object.ts';
import { loadTokenizer, type Tokenizer } from '../../../harness/data/tokenizers/tokenizer.ts';
import { temporaryFolder } from '../../support/temporary.ts';

interface Model extends JsonObject {
  readonly vocab: unknown;
  readonly merges?: readonly (readonly [string, string])[];
}
interface Cases {
  readonly texts: string[];
  readonly models: Readonly<Record<string, Model>>;
  readonly contents: readonly JsonObject[];
  /** Maps each case's file names to indices of `contents`. */
  readonly cases: Readonly<Record<string, Readonly<Record<string, number>>>>;
}
/** Ids of special tokens by role and eight hash digits per text, or the reference's error. */
type Golden = { ids: Record<string, number | null>; rows: string } | { error: string };

interface GoldenFolder extends Cases {
  readonly goldens: Readonly<Record<string, Golden>>;
}

const own = join(import.meta.dirname, '../../golden/tokenizers');
const folders = [
  process.env.DELTABENCH_TOKENIZER_GOLDENS ?? [own, join(own, 'folders'), join(own, 'xlm-roberta')],
].flat();
const all = await Promise.all(
  folders.map(async (folder): Promise<GoldenFolder> => {
    const read = async (name: string): Promise<unknown> =>
      JSON.parse(await readFile(join(folder, name), 'utf8'));
    return {
      ...((await read('cases.json')) as Cases),
      goldens: (await read('golden.json')) as GoldenFolder['goldens'],
    };
  }),
);

/** Cases that the reference accepts and this library refuses, and the reason. */
const refused: Readonly<Record<string, RegExp>> = {
  'decoder strip-end of wordpiece': /decoder "Strip": what it takes from the end/,
  'decoder strip-end of llama': /decoder "Strip": what it takes from the end/,
  'decoder strip-end of gpt2': /decoder "Strip": what it takes from the end/,
  'decoder strip-end of suffix': /decoder "Strip": what it takes from the end/,
  'post_processor template-b-first': /its post-processor leaves a text out, tears it or changes the order/,
  'model gpt2 {"dropout": 0.5}': /model BPE: with dropout/,
};
const isRefused = (name: string): RegExp | undefined =>
  name.endsWith('split-special') ? /split_special_tokens/ : refused[name];

/** Encodes a case's file as it lies in a folder. */
function written({ models }: Cases, name: string, content: JsonObject): Buffer {
  const modelOf = (key: string): Model => models[content[key] as string]!;
  if ('base64' in content) return Buffer.from(content.base64 as string, 'base64');
  if ('vocab of' in content) return Buffer.from(JSON.stringify(modelOf('vocab of').vocab));
  if ('merges of' in content) {
    const merges = modelOf('merges of').merges!.map((pair) => pair.join(' '));
    return Buffer.from(['#version: 0.2', ...merges, ''].join('\n'));
  }
  if (name !== 'tokenizer.json') return Buffer.from(JSON.stringify(content));
  const { model, ...options } = content.model as JsonObject;
  return Buffer.from(JSON.stringify({ ...content, model: { ...models[model as string], ...options } }));
}

async function load(of: Cases, name: string): Promise<Tokenizer> {
  const place = await temporaryFolder();
  for (const [file, content] of Object.entries(of.cases[name]!)) {
    await writeFile(join(place, file), written(of, file, of.contents[content]!));
  }
  return loadTokenizer(place);
}

function rowsOf(tokenizer: Tokenizer, { texts }: Cases): unknown[][] {
  const bare = tokenizer.encodeAll(texts);
  const special = tokenizer.encodeAll(texts, { specialTokens: true });
  return texts.map((_, i) => {
    const next = [...texts.keys()].find((k) => k > i && texts[k] !== '') ?? texts.findIndex((text) => text);
    const pair = tokenizer.template([bare[i]!, bare[next]!]);
    const decoded = [tokenizer.decode(bare[i]!), tokenizer.decode(special[i]!, { skipSpecialTokens: true })];
    return [bare[i], special[i], pair.ids, pair.types, ...decoded];
  });
}
const digest = (row: unknown): string =>
  createHash('sha256').update(JSON.stringify(row)).digest('hex').slice(0, 8);

it.each(all.flatMap((of) => Object.keys(of.cases).map((name) => [name, of] as const)))(
  '%s',
  async (name, of) => {
    const golden = of.goldens[name]!;
    const why = isRefused(name);
    if (why) {
      await expect(load(of, name)).rejects.toThrow(why);
      return;
    }
    if ('error' in golden) {
      // Where the reference fails, this library refuses too, or reads the files after all.
      const attempt = load(of, name).then((tokenizer) => rowsOf(tokenizer, of));
      await attempt.catch((error: unknown) => {
        expect(error, golden.error).toBeInstanceOf(UsageError);
      });
      return;
    }
    const tokenizer = await load(of, name);
    const { eosId, bosId, padId } = tokenizer;
    for (const [role, id] of Object.entries({ eos: eosId, bos: bosId, pad: padId })) {
      if (typeof golden.ids[role] === 'number') expect(id, role).toBe(golden.ids[role]);
    }
    const different = rowsOf(tokenizer, of).flatMap((row, i) =>
      digest(row) === golden.rows.slice(8 * i, 8 * i + 8) ? [] : [{ text: of.texts[i], row }],
    );
    expect(different).toEqual([]);
  },
);
