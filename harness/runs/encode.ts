import { createHash } from 'node:crypto';
import { cachedTokens } from '../data/cache.ts';
import type { TextPair, TextTask, TokenPair } from '../data/task.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import type { Recipe } from '../training/recipe.ts';

/** What becomes token ids. */
export interface TextSplit {
  readonly task: TextTask;
  /** A test item has no target. */
  readonly items: readonly { readonly input: TextPair['input']; readonly target?: string }[];
}

/** A split's token ids, from the cache where they were made before. */
export async function encodeSplit(
  { task, items }: TextSplit,
  tokenizer: Tokenizer,
  { promptLength, targetLength }: Recipe,
): Promise<TokenPair[]> {
  const limits = { promptLength, targetLength };
  // By content, for a split may be drawn by the seed.
  const content = createHash('sha256');
  for (const { input, target } of items) content.update(`${JSON.stringify([input, target])}\n`);
  const source = { task: task.name, version: task.version, items: content.digest('hex') };
  // Rows alternate: a prompt, its target.
  const rows = await cachedTokens({ ...source, tokenizer: tokenizer.hash, ...limits }, () =>
    Promise.resolve(
      items.flatMap(({ input, target }) => {
        const pair = task.encode(input, target, tokenizer, limits);
        return [Int32Array.from(pair.prompt), Int32Array.from(pair.target)];
      }),
    ),
  );
  return items.map((_, i) => ({ prompt: [...rows[2 * i]!], target: [...rows[2 * i + 1]!] }));
}
