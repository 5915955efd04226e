// Tests of encoding labelled texts for encoders. Golden ids are those of transformers 5.23's fast tokenizers.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeLabelled } from '../../../harness/data/examples/encode-labelled.ts';
import { templateOf } from '../../../harness/data/tokenizers/template.ts';
import { loadTokenizer } from '../../../harness/data/tokenizers/tokenizer.ts';

// Made-up texts, encoded with truncation=True, max_length and token types.
interface Golden {
  readonly texts: string[];
  readonly limit: number;
  readonly ids: number[];
  readonly types: number[];
}
const golden = JSON.parse(
  await readFile(join(import.meta.dirname, '../../golden/tokenizer-pairs.json'), 'utf8'),
) as Record<'roberta' | 'bert', Golden[]>;

const folders = {
  roberta: { needs: 'DELTABENCH_DATA', path: 'tokenizers/roberta' },
  bert: { needs: 'DELTABENCH_BASES', path: 'all-MiniLM-L6-v2' },
};

describe.each(['roberta', 'bert'] as const)('%s', (name) => {
  const { needs, path } = folders[name];
  const folder = join(process.env[needs] ?? '/nowhere', path);
  it.skipIf(!existsSync(folder))(
    `encodes texts and pairs as transformers does (needs ${needs})`,
    async () => {
      const tokenizer = await loadTokenizer(folder);
      for (const { texts, limit, ids, types } of golden[name]) {
        const ours = encodeLabelled({ id: '', texts, label: 0 }, tokenizer, limit);
        expect({ ids: ours.ids, types: ours.types }, `${JSON.stringify(texts)} within ${limit}`).toEqual({
          ids,
          types,
        });
        const whole = golden[name].find((other) => other.texts.join('\n') === texts.join('\n'))!;
        expect(ours.truncated).toBe(whole.ids.length > limit);
      }
    },
  );
});

describe('a template', () => {
  it('is read off a tokenizer that frames its texts', () => {
    const template = templateOf((count) =>
      count === 1
        ? { ids: [1, 90, 91, 5], types: [0, 0, 0, 0], texts: [null, 0, 0, null] }
        : { ids: [1, 90, 2, 3, 90, 4], types: [0, 0, 0, 1, 1, 1], texts: [null, 0, null, null, 1, null] },
    );
    expect(template([[7, 8]])).toEqual({ ids: [1, 7, 8, 5], types: [0, 0, 0, 0] });
    expect(template([[7, 8], []])).toEqual({ ids: [1, 7, 8, 2, 3, 4], types: [0, 0, 0, 0, 1, 1] });
    expect(template([[7], [8, 9]])).toEqual({ ids: [1, 7, 2, 3, 8, 9, 4], types: [0, 0, 0, 1, 1, 1, 1] });
  });

  it('is nothing for one that does not', () => {
    const template = templateOf((count) => ({
      ids: [90, 90],
      types: [0, 0],
      texts: count === 1 ? [0, 0] : [0, 1],
    }));
    expect(template([[7], [8, 9]])).toEqual({ ids: [7, 8, 9], types: [0, 0, 0] });
  });

  it.each([
    ['left out', [0, 0]],
    ['torn', [0, 1, 0]],
    ['in the other order', [1, 0]],
  ])('with a text %s is refused', (_, texts) => {
    expect(() => templateOf(() => ({ ids: texts, types: texts, texts }))).toThrow(RangeError);
  });
});
