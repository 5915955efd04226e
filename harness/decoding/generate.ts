import type { Engine } from '../engine/types.ts';
import { virtualTokens, type BaseModel, type Delta } from '../models/types.ts';
import { BeamSearch, type EarlyStopping, type Hypothesis } from './beam.ts';
import { Decoder } from './decoder.ts';
import { GreedySearch } from './greedy.ts';
import { holdAll, type TrainedTensors } from './programs.ts';
import { runSearches } from './search.ts';

/** Rows that a step computes at once, about: whole groups of beams, at least one. */
const ROWS = 64;
/** Candidates beyond those that a search needs at first: it may ban a few without another program. */
const SPARE = 4;

/** What to generate, and how the next tokens are chosen. */
export interface GenerateJob {
  readonly engine: Engine;
  readonly base: BaseModel;
  readonly delta: Delta;
  /** The method's tensors and the base's trained ones. */
  readonly tensors: TrainedTensors;
  readonly prompts: readonly (readonly number[])[];
  readonly maxNewTokens: number;
  /** 1 is greedy. */
  readonly beams: number;
  /** Undefined never stops before maxNewTokens. */
  readonly eosId: number | undefined;
  readonly minNewTokens?: number | undefined;
  readonly lengthPenalty?: number | undefined;
  readonly earlyStopping?: EarlyStopping | undefined;
  readonly noRepeatNgram?: number | undefined;
  readonly repetitionPenalty?: number | undefined;
  /** What the choice takes for the tokens before the generated ones, a list for each prompt; where absent the prompts, of an encoder-decoder its start token. */
  readonly histories?: readonly (readonly number[])[];
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of prompts done. */
  onProgress?(done: number): void;
}

/** Continues prompts: the best sequence of each, without the end token, and the seconds it took; throws the signal's reason. */
export async function generate(job: GenerateJob): Promise<{ tokens: number[][]; seconds: number }> {
  const { hypotheses, seconds } = await generateAll(job);
  return { tokens: hypotheses.map(([best]) => best?.tokens ?? []), seconds };
}

/** Like `generate`: every sequence that beam search ends with, best first, and their scores; greedy ones have the score 0. */
export async function generateAll(
  job: GenerateJob,
): Promise<{ hypotheses: Hypothesis[][]; seconds: number }> {
  const start = performance.now();
  const { engine, base, delta, prompts, beams, maxNewTokens } = job;
  const { architecture } = base;
  const positions = architecture.positions - virtualTokens(delta);
  prompts.forEach((prompt, i) => {
    if (prompt.length > 0 && prompt.length < positions) return;
    throw new RangeError(
      `prompt ${i + 1} has ${prompt.length} tokens; the model continues prompts of 1 to ${positions - 1} tokens`,
    );
  });

  // Equal prompts have equal continuations.
  const places = new Map<string, number[]>();
  prompts.forEach((prompt, i) => {
    const key = JSON.stringify([prompt, job.histories?.[i]]);
    places.set(key, [...(places.get(key) ?? []), i]);
  });
  const searches = [...places.values()].map((equal) => {
    const prompt = prompts[equal[0]!]!;
    const made = architecture.kind === 'encoder-decoder' ? [architecture.startToken] : prompt;
    const history = job.histories?.[equal[0]!] ?? made;
    const options = { ...job, maxNewTokens: Math.min(maxNewTokens, positions - prompt.length) };
    const search = beams === 1 ? new GreedySearch(options, history) : new BeamSearch(options, history);
    return { prompt, search, equal };
  });
  // Prompts of like length are read together.
  searches.sort((a, b) => b.prompt.length - a.prompt.length);

  if (searches.length > 0) {
    const held = await holdAll(engine, base, delta, job.tensors);
    const groups = Math.min(Math.max(1, Math.floor(ROWS / beams)), searches.length);
    const together = Math.max(1, Math.floor(groups / 4));
    const candidates = Math.max(...searches.map(({ search }) => search.needed)) + SPARE;
    const decoder = new Decoder(
      { engine, held, base, delta, normalized: beams > 1 },
      { groups, beams, prompts: together, candidates },
    );
    let done = 0;
    try {
      await runSearches(decoder, searches, {
        groups,
        prompts: together,
        signal: job.signal,
        onEnd(i) {
          done += searches[i]!.equal.length;
          job.onProgress?.(done);
        },
      });
    } finally {
      await decoder.dispose();
      held.dispose();
    }
  }
  const hypotheses: Hypothesis[][] = prompts.map(() => []);
  for (const { search, equal } of searches) {
    for (const i of equal) hypotheses[i] = [...search.hypotheses];
  }
  return { hypotheses, seconds: (performance.now() - start) / 1000 };
}
