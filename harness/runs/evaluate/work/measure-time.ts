/** Times small parts of evaluations, for estimates of the time of all. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from '../../../decoding/generate.ts';
import { WorkLog } from '../../../records/beside/work-log.ts';
import { writeFileAtomic } from '../../../support/atomic-files.ts';
import { sum } from '../../../support/numbers/arithmetic.ts';
import type { EvaluatedModel, WorkPart } from './evaluation-work.ts';

/** Seconds that some work takes. */
export async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

/**
 * The seconds that an evaluation's files take: its lock, the file of outcomes, samples and record. It is timed
 * in the system's temporary folder, since a dry run writes nothing among the results.
 */
export async function timeFiles(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
  const write = async (path: string): Promise<void> => {
    const log = await WorkLog.open(path, '', () => undefined);
    await writeFileAtomic(`${path}.samples`, '');
    await writeFileAtomic(path, '');
    await log.remove();
    await log.close();
  };
  try {
    await write(join(folder, 'first.json'));
    return await secondsOf(() => write(join(folder, 'second.json')));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Prompts that are timed together, and the tokens that they are continued by. */
const TIMED = { prompts: 4, tokens: 8 } as const;

/**
 * The part that continues some prompts. Its time is that of a few prompts and a few tokens, taken for the time of
 * all if every text is as long as it may be.
 */
export function writingPart(
  prompts: readonly (readonly number[])[],
  { maxNewTokens, beams }: { readonly maxNewTokens: number; readonly beams: number },
): WorkPart {
  const read = sum(prompts.map(({ length }) => length));
  const written = prompts.length * maxNewTokens;
  return {
    load: { tokens: read + written, keys: 0 },
    async time(model) {
      const { perPromptToken, perNewToken } = await timeWriting(prompts, beams, model);
      const seconds = read * perPromptToken + written * perNewToken;
      return { seconds, start: { seconds: 0, programs: 0, loads: [] } };
    },
  };
}

/** Times reading a few prompts, of all lengths, and writing a few tokens. */
async function timeWriting(
  prompts: readonly (readonly number[])[],
  beams: number,
  model: EvaluatedModel,
): Promise<{ perPromptToken: number; perNewToken: number }> {
  const sorted = [...prompts].sort((a, b) => a.length - b.length);
  const step = sorted.length / TIMED.prompts;
  const places = Array.from({ length: TIMED.prompts }, (_, i) => Math.floor((i + 0.5) * step));
  const some = [...new Set(places)].map((place) => sorted[place]!);
  const write = (tokens: number): Promise<unknown> =>
    generate({ ...model, prompts: some, maxNewTokens: tokens, beams, eosId: undefined });
  // The first time compiles the programs.
  await write(2);
  const reading = await secondsOf(() => write(1));
  const both = await secondsOf(() => write(1 + TIMED.tokens));
  return {
    perPromptToken: reading / sum(some.map(({ length }) => length)),
    perNewToken: Math.max(0, both - reading) / (TIMED.tokens * some.length),
  };
}
