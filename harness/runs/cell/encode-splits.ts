/** Encodes splits as token ids; a cache keeps them by the content of the split, so that runs share them. */
import { createHash } from 'node:crypto';
import { cachedTokens } from '../../data/tokenizers/token-cache.ts';
import { preEncoded } from '../../data/tokenizers/pre-encoded.ts';
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
import { writingOf, type Recipe } from '../../training/recipe.ts';
import { mapInSlices } from '../../support/interruptible.ts';

/** More tokens than any text has, as a number that JSON holds. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** A split of a task of text. */
export interface TextSplit {
  readonly task: TextTask;
  /** Prompts with their targets; items of the test split have none. */
  readonly items: readonly { readonly input: TextPair['input']; readonly target?: string }[];
}

/** Encodes a split of texts, or reads it from the cache; throws the reason of `signal` once it is aborted. */
export async function encodeSplit(
  { task, items }: TextSplit,
  tokenizer: Tokenizer,
  recipe: Recipe,
  signal?: AbortSignal,
): Promise<TokenPair[]> {
  const writing = writingOf(recipe);
  const content = hashLines(items.map(({ input, target }) => [input, target]));
  const source = { task: task.name, version: task.version, items: content };
  // The cached rows alternate between a prompt and its target.
  const rowsOf = (slice: TextSplit['items']): Int32Array[] => {
    const texts = slice.flatMap(({ input, target }) => [input, target ?? []].flat());
    const ahead = preEncoded(tokenizer, texts);
    return slice.flatMap(({ input, target }) => {
      const pair = task.encode(input, target, ahead, writing);
      return [Int32Array.from(pair.prompt), Int32Array.from(pair.target)];
    });
  };
  const rows = await cachedTokens({ ...source, tokenizer: tokenizer.hash, ...writing }, () =>
    mapInSlices(items, rowsOf, signal),
  );
  return items.map((_, i) => ({ prompt: [...rows[2 * i]!], target: [...rows[2 * i + 1]!] }));
}

/**
 * Encodes the pairs of a split to learn from. Where the recipe drops pairs that are longer than its limits,
 * those are left out, as the RED authors' code does, else they are cut.
 */
export async function encodeToLearn(
  split: TextSplit,
  tokenizer: Tokenizer,
  recipe: Recipe,
  signal?: AbortSignal,
): Promise<TokenPair[]> {
  if (recipe.tooLong !== 'drop') return encodeSplit(split, tokenizer, recipe, signal);
  const { promptLength, targetLength, length = Infinity, ...others } = recipe;
  const whole = { ...others, promptLength: NO_LIMIT, targetLength: NO_LIMIT };
  const pairs = await encodeSplit(split, tokenizer, whole, signal);
  return pairs.filter(
    ({ prompt, target }) =>
      prompt.length <= promptLength &&
      target.length <= targetLength &&
      prompt.length + target.length <= length,
  );
}

/**
 * Encodes texts with labels, at most `limit` tokens each, or reads them from the cache; `truncated` counts
 * those that were cut. Throws the reason of `signal` once it is aborted.
 */
export async function encodeLabels(
  { name, version }: LabelTask,
  examples: readonly LabelledExample[],
  tokenizer: Tokenizer,
  limit: number,
  signal?: AbortSignal,
): Promise<{ tokens: LabelledTokens[]; truncated: number }> {
  const content = hashLines(examples.map(({ texts }) => texts));
  const key = { task: name, version, texts: content, tokenizer: tokenizer.hash, limit };
  // The cache has three rows for each example: ids, types, and whether it was cut.
  const rowsOf = (slice: readonly LabelledExample[]): Int32Array[] => {
    const ahead = preEncoded(
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

/**
 * The sha256 of values as lines of JSON. The content, not the split's name: a split may be drawn by the seed.
 */
function hashLines(values: readonly unknown[]): string {
  const hash = createHash('sha256');
  for (const value of values) hash.update(`${JSON.stringify(value)}\n`);
  return hash.digest('hex');
}
