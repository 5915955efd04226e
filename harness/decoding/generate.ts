import type { Engine } from '../engine/types.ts';
import type { BaseModel, Delta } from '../models/types.ts';
import { Decoder } from './decoder.ts';
import { GreedySearch } from './greedy.ts';
import { holdAll, type TrainedTensors } from './programs.ts';
import { runSearches } from './search.ts';

/** Rows that a step computes at once. */
const ROWS = 64;

export interface GenerateJob {
  readonly engine: Engine;
  readonly base: BaseModel;
  readonly delta: Delta;
  /** The method's tensors and the base's trained ones. */
  readonly tensors: TrainedTensors;
  readonly prompts: readonly (readonly number[])[];
  readonly maxNewTokens: number;
  readonly beams: number;
  /** Undefined never stops before maxNewTokens. */
  readonly eosId: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of prompts done. */
  onProgress?(done: number): void;
}

/** Continues prompts: the generated token ids of each without the end token, and the seconds it took; throws the signal's reason. */
export async function generate(job: GenerateJob): Promise<{ tokens: number[][]; seconds: number }> {
  const start = performance.now();
  const { engine, base, delta, prompts, maxNewTokens, eosId } = job;
  const { positions } = base.architecture;
  prompts.forEach((prompt, i) => {
    if (prompt.length > 0 && prompt.length < positions) return;
    throw new RangeError(
      `prompt ${i + 1} has ${prompt.length} tokens; the model continues prompts of 1 to ${positions - 1} tokens`,
    );
  });

  // Equal prompts have equal continuations; those of like length are read together.
  const distinct = new Map(prompts.map((prompt) => [prompt.join(), prompt]));
  const jobs = [...distinct.values()]
    .sort((a, b) => b.length - a.length)
    .map((prompt) => ({
      prompt,
      search: new GreedySearch({ maxNewTokens: Math.min(maxNewTokens, positions - prompt.length), eosId }),
    }));
  const copies = new Map<string, number>();
  for (const prompt of prompts) copies.set(prompt.join(), (copies.get(prompt.join()) ?? 0) + 1);

  if (jobs.length > 0) {
    const held = await holdAll(engine, base, delta, job.tensors);
    const groups = Math.min(ROWS, jobs.length);
    const decoder = new Decoder(
      { engine, held, base, delta, normalized: false },
      { groups, beams: 1, candidates: 1 },
    );
    let done = 0;
    try {
      await runSearches(decoder, jobs, {
        groups,
        signal: job.signal,
        onEnd(i) {
          done += copies.get(jobs[i]!.prompt.join())!;
          job.onProgress?.(done);
        },
      });
    } finally {
      await decoder.dispose();
      held.dispose();
    }
  }
  const found = new Map(jobs.map(({ prompt, search }) => [prompt.join(), search.tokens]));
  return {
    tokens: prompts.map((prompt) => [...found.get(prompt.join())!]),
    seconds: (performance.now() - start) / 1000,
  };
}
