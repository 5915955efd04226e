/** What judging costs before it is done: calls, tokens and, by a table that the user gives, money. */
import { z } from 'zod';
import { sum } from '../support/numbers/arithmetic.ts';
import { didYouMean, UsageError } from '../support/errors.ts';
import { problemOf } from '../support/json/validation-messages.ts';
import { readJson } from '../support/read-files.ts';
import type { JudgeCall } from './judging.ts';

/** Bytes of UTF-8 that count as one token where the judge's tokenizer is not here. */
const bytesPerToken = 4;
/** Tokens that a chat's form adds to each message. */
const tokensPerMessage = 4;

/** Calls and tokens; `replyTokens` is the most that they may be. */
export interface Effort {
  readonly calls: number;
  readonly promptTokens: number;
  readonly replyTokens: number;
}

/** The effort of calls, with tokens counted by `count`. */
export function effortOf(
  calls: readonly JudgeCall[],
  maxTokens: number,
  count: (call: JudgeCall) => number = estimatedTokens,
): Effort {
  return {
    calls: calls.length,
    promptTokens: sum(calls.map(count)),
    replyTokens: calls.length * maxTokens,
  };
}

const estimatedTokens = ({ messages }: JudgeCall): number =>
  sum(
    messages.map(({ content }) => tokensPerMessage + Math.ceil(Buffer.byteLength(content) / bytesPerToken)),
  );

const price = z.number().min(0);
/** LiteLLM's table of models: dollars a token. */
const priceSchema = z.looseObject({ input_cost_per_token: price, output_cost_per_token: price });
/** Dollars a token. */
export type Price = z.infer<typeof priceSchema>;

/**
 * Reads a model's price in a table in LiteLLM's form; throws UsageError where the file has another form, or not
 * the model.
 */
export async function readPrice(path: string, model: string): Promise<Price> {
  const table = z.record(z.string(), z.unknown()).safeParse(await readJson(path)).data;
  if (table?.[model] === undefined)
    throw new UsageError(
      `--prices ${path} has no entry for ${model}.${didYouMean(model, Object.keys(table ?? {}))}`,
    );
  const parsed = priceSchema.safeParse(table[model]);
  if (parsed.success) return parsed.data;
  throw new UsageError(`--prices ${path}, ${model}: ${problemOf(parsed.error)}.`);
}

/** The price of tokens in dollars. */
export function dollars(
  { input_cost_per_token: input, output_cost_per_token: output }: Price,
  { promptTokens, replyTokens }: Pick<Effort, 'promptTokens' | 'replyTokens'>,
): number {
  return promptTokens * input + replyTokens * output;
}
