/** Times small parts of evaluations, for estimates of the time of all. */
import { generate } from '../../../decoding/generate.ts';
import { sum } from '../../../support/numbers/arithmetic.ts';
import type { EvaluatedModel, Speed, Workload } from './evaluation-work.ts';

/** Seconds that some work takes. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/** The work of continuing prompts by at most so many tokens. */
export function writingWorkload(prompts: readonly (readonly number[])[], maxNewTokens: number): Workload {
  const read = sum(prompts.map(({ length }) => length));
  return { requests: prompts.length, tokens: read + prompts.length * maxNewTokens, programs: 0 };
}

/** Prompts that are timed together, and the tokens that they are continued by. */
const TIMED = { prompts: 4, tokens: 8 } as const;

/**
 * Times reading a few prompts and writing a few tokens; the seconds per token are those of the whole work if
 * every text is as long as it may be.
 */
export async function measureWriting(
  prompts: readonly (readonly number[])[],
  { maxNewTokens, beams }: { readonly maxNewTokens: number; readonly beams: number },
  model: EvaluatedModel,
  signal: AbortSignal,
): Promise<Speed> {
  const sorted = [...prompts].sort((a, b) => a.length - b.length);
  const step = sorted.length / TIMED.prompts;
  const places = Array.from({ length: TIMED.prompts }, (_, i) => Math.floor((i + 0.5) * step));
  const some = [...new Set(places)].map((place) => sorted[place]!);
  const write = (tokens: number): Promise<unknown> =>
    generate({ ...model, signal, prompts: some, maxNewTokens: tokens, beams, eosId: undefined });
  // The first time compiles the programs.
  await write(2);
  const reading = await secondsOf(() => write(1));
  const both = await secondsOf(() => write(1 + TIMED.tokens));
  const perPromptToken = reading / sum(some.map(({ length }) => length));
  const perNewToken = Math.max(0, both - reading) / (TIMED.tokens * some.length);
  const { tokens } = writingWorkload(prompts, maxNewTokens);
  const read = sum(prompts.map(({ length }) => length));
  const seconds = read * perPromptToken + (tokens - read) * perNewToken;
  return { secondsPerToken: seconds / tokens, secondsPerProgram: 0 };
}
