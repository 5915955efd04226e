import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeLabelled } from '../../harness/data/encode-labelled.ts';
import { templateOf } from '../../harness/data/template.ts';
import { loadTokenizer } from '../../harness/data/tokenizer.ts';

// Made-up texts as transformers 5.23's fast tokenizers encode them: truncation=True, max_length, token types.
interface Golden {
  readonly texts: string[];
  readonly limit: number;
  readonly ids: number[];
  readonly types: number[];
}
const golden = JSON.parse(
  await readFile(join(import.meta.dirname, '../golden/tokenizer-pairs.json'), 'utf8'),
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
        expect({ ids: ours.ids, types: ours.types }, `${JSON.stringify(texts)} within ${limit}`).toEqual({ ids, types }); // prettier-ignore
        const whole = golden[name].find((other) => other.texts.join('\n') === texts.join('\n'))!;
        expect(ours.truncated).toBe(whole.ids.length > limit);
      }
    },
  );
});

describe('a template', () => {
  const bare = (text: string): number[] => [text.charCodeAt(0)];

  it('is read off a tokenizer that frames its texts', () => {
    const template = templateOf(
      (texts) => ({
        ids: [1, ...bare(texts[0]!), ...(texts[1] ? [2, 3, ...bare(texts[1]), 4] : [5])],
        types: texts[1] ? [0, 0, 0, 1, 1, 1] : [0, 0, 0],
      }),
      bare,
    );
    expect(template([[7, 8]])).toEqual({ ids: [1, 7, 8, 5], types: [0, 0, 0, 0] });
    expect(template([[7, 8], []])).toEqual({ ids: [1, 7, 8, 2, 3, 4], types: [0, 0, 0, 0, 1, 1] });
    expect(template([[7], [8, 9]])).toEqual({ ids: [1, 7, 2, 3, 8, 9, 4], types: [0, 0, 0, 1, 1, 1, 1] });
  });

  it('is nothing for one that does not', () => {
    const template = templateOf(([text]) => ({ ids: bare(text!), types: [0] }), bare);
    expect(template([[7], [8, 9]])).toEqual({ ids: [7, 8, 9], types: [0, 0, 0] });
  });
});
