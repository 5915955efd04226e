/** Splits as token ids, which are made once for all runs. */
import { createHash } from 'node:crypto';
import { cachedTokens } from '../../data/tokenizers/token-cache.ts';
import { encodeAhead } from '../../data/tokenizers/encode-at-once.ts';
import { encodeLabelled } from '../../data/examples/encode-labelled.ts';
import type {
  LabelledExample,
  LabelledTokens,
  LabelTask,
  TextPair,
  TextTask,
  TokenPair,
} from '../../data/examples/task.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import type { Recipe } from '../../training/recipe.ts';
import { mapInSlices } from '../../support/interruptible.ts';

/** What becomes token ids. */
export interface TextSplit {
  readonly task: TextTask;
  /** A test item has no target. */
  readonly items: readonly { readonly input: TextPair['input']; readonly target?: string }[];
}

/** A split's token ids, from the cache where they were made before. Throws the reason of `signal` once it is aborted. */
export async function encodeSplit(
  { task, items }: TextSplit,
  tokenizer: Tokenizer,
  { promptLength, targetLength }: Recipe,
  signal?: AbortSignal,
): Promise<TokenPair[]> {
  const limits = { promptLength, targetLength };
  // By content, for a split may be drawn by the seed.
  const content = createHash('sha256');
  for (const { input, target } of items) content.update(`${JSON.stringify([input, target])}\n`);
  const source = { task: task.name, version: task.version, items: content.digest('hex') };
  // Rows alternate: a prompt, its target.
  const rowsOf = (slice: TextSplit['items']): Int32Array[] => {
    const texts = slice.flatMap(({ input, target }) => [input, target ?? []].flat());
    const ahead = encodeAhead(tokenizer, texts);
    return slice.flatMap(({ input, target }) => {
      const pair = task.encode(input, target, ahead, limits);
      return [Int32Array.from(pair.prompt), Int32Array.from(pair.target)];
    });
  };
  const rows = await cachedTokens({ ...source, tokenizer: tokenizer.hash, ...limits }, () =>
    mapInSlices(items, rowsOf, signal),
  );
  return items.map((_, i) => ({ prompt: [...rows[2 * i]!], target: [...rows[2 * i + 1]!] }));
}

/** The token ids of examples with labels, at most `limit` each, from the cache where they were made before; how many were cut. Throws as encodeSplit does. */
export async function encodeLabels(
  { name, version }: LabelTask,
  examples: readonly LabelledExample[],
  tokenizer: Tokenizer,
  limit: number,
  signal?: AbortSignal,
): Promise<{ tokens: LabelledTokens[]; truncated: number }> {
  const content = createHash('sha256');
  for (const { texts } of examples) content.update(`${JSON.stringify(texts)}\n`);
  const key = { task: name, version, texts: content.digest('hex'), tokenizer: tokenizer.hash, limit };
  // Three rows an example: ids, types, whether it was cut.
  const rowsOf = (slice: readonly LabelledExample[]): Int32Array[] => {
    const ahead = encodeAhead(
      tokenizer,
      slice.flatMap(({ texts }) => texts),
    );
    return slice.flatMap((example) => {
      const { ids, types, truncated } = encodeLabelled(example, ahead, limit);
      return [Int32Array.from(ids), Int32Array.from(types), Int32Array.of(truncated ? 1 : 0)];
    });
  };
  const rows = await cachedTokens(key, () => mapInSlices(examples, rowsOf, signal));
  return {
    tokens: examples.map(({ label }, i) => ({ ids: [...rows[3 * i]!], types: [...rows[3 * i + 1]!], label })),
    truncated: examples.reduce((count, _, i) => count + rows[3 * i + 2]![0]!, 0),
  };
}
