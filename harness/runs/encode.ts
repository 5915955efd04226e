import { cachedTokens } from '../data/cache.ts';
import type { TextTask, TokenPair } from '../data/task.ts';
import type { Tokenizer } from '../data/tokenizer.ts';
import type { Recipe } from '../training/recipe.ts';

/** What becomes token ids: the first `items` of a split of the data with this hash. */
export interface TextSplit {
  readonly task: TextTask;
  readonly dataHash: string;
  readonly split: 'train' | 'validation' | 'test';
  /** A test item has no target. */
  readonly items: readonly { readonly input: string; readonly target?: string }[];
}

/** A split's token ids, from the cache where they were made before. */
export async function encodeSplit(
  { task, dataHash, split, items }: TextSplit,
  tokenizer: Tokenizer,
  { promptLength, targetLength }: Recipe,
): Promise<TokenPair[]> {
  const limits = { promptLength, targetLength };
  const source = { task: task.name, version: task.version, dataHash, split, count: items.length };
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
