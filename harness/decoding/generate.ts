/**
 * Generates continuations of prompts: checks the job, continues equal prompts once, and picks a search on the
 * host or inside a program. runs/ calls it; searches know no model, programs know no
 * search.
 */
import { chunk } from 'simple-statistics';
import type { Engine, FrozenArrays } from '../engine/types.ts';
import { type Delta, virtualTokens } from '../models/method.ts';
import type { BaseModel } from '../models/base-model.ts';
import { BeamSearch, type EarlyStopping, type Hypothesis } from './on-host/beam.ts';
import { Decoder } from './on-host/decoder.ts';
import { cacheBytes, type CacheSizes } from './on-host/key-value-cache.ts';
import { GreedySearch } from './on-host/greedy.ts';
import { checkSampling, tokenSampler, type Sampling } from './on-host/sampling.ts';
import { GraphSearch } from './in-graph/graph-search.ts';
import { sizeOf, sum } from '../support/numbers/arithmetic.ts';
import { usableMemory } from '../support/usable-memory.ts';
import { freezeAll, type DecodingSetup, type TrainedTensors } from './programs.ts';
import { runSearches } from './on-host/search.ts';

/** Rows that a step on the host computes at once, rounded down to whole groups of beams, at least one. */
const ROWS = 64;
/**
 * The most bytes that the keys and values of these rows may take, and their share of the memory: where they would
 * take more, there are fewer rows.
 */
const CACHE_BYTES = 2 * 2 ** 30;
const CACHE_SHARE = 1 / 8;
/** Candidates beyond those that a search needs at first, so that it can ban a few without another program. */
const SPARE = 4;
/** Rows of a search inside a program. */
const DEVICE_ROWS = 256;

/** What to generate, and how the next tokens are chosen. */
export interface GenerateJob {
  readonly engine: Engine;
  readonly base: BaseModel;
  readonly delta: Delta;
  /** The method's tensors, and the base's tensors that were trained. */
  readonly tensors: TrainedTensors;
  /** The tensors of base and method where the engine holds them already; they are not disposed of. */
  readonly frozen?: FrozenArrays | undefined;
  readonly prompts: readonly (readonly number[])[];
  readonly maxNewTokens: number;
  /** 1 for greedy search. */
  readonly beams: number;
  /** The end token; where undefined, every sequence has maxNewTokens tokens. */
  readonly eosId: number | undefined;
  readonly minNewTokens?: number | undefined;
  readonly lengthPenalty?: number | undefined;
  readonly earlyStopping?: EarlyStopping | undefined;
  readonly noRepeatNgram?: number | undefined;
  readonly repetitionPenalty?: number | undefined;
  /**
   * The history that n-gram and repetition rules see, one list a prompt. Default: the prompt; of an
   * encoder-decoder, its start token.
   */
  readonly histories?: readonly (readonly number[])[];
  /**
   * Draws tokens instead of taking the best; one beam only. `streams` names the random stream of each prompt.
   */
  readonly sampling?: (Sampling & { readonly streams: readonly string[] }) | undefined;
  /**
   * Whether a sequence is complete, such as a text with a stop string; one beam only. A search inside a
   * program goes on to the end token all the same: the caller cuts the text in any case.
   */
  readonly isComplete?: (tokens: readonly number[]) => boolean;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of prompts done. */
  onProgress?(done: number): void;
  /**
   * Called with each prompt's best sequence as soon as it has one, one call after the other. The search does
   * not wait for a call; `generate` does, and throws what it throws.
   */
  onEnd?(prompt: number, tokens: readonly number[]): void | Promise<void>;
}

/**
 * Generates the best continuation of each prompt, without the end token. Throws the signal's reason where it
 * is aborted.
 */
export async function generate(job: GenerateJob): Promise<{ tokens: number[][]; seconds: number }> {
  const { hypotheses, seconds } = await generateAll(job);
  return { tokens: hypotheses.map(([best]) => best?.tokens ?? []), seconds };
}

/**
 * Like `generate`, with every sequence that a search ends with and its score, best first; greedy search
 * scores 0.
 */
export async function generateAll(
  job: GenerateJob,
): Promise<{ hypotheses: Hypothesis[][]; seconds: number }> {
  const start = performance.now();
  const { engine, base, delta, prompts, beams, sampling } = job;
  if (sampling) {
    checkSampling(sampling);
    if (beams > 1) throw new RangeError(`sampling takes one beam, not ${beams}`);
  }
  const positions = base.architecture.positions - virtualTokens(delta);
  prompts.forEach((prompt, i) => {
    if (prompt.length > 0 && roomAfter(job, prompt, positions) > 0) return;
    const most = readsSource(base) ? positions : positions - 1;
    throw new RangeError(
      `prompt ${i + 1} has ${prompt.length} tokens; the model continues prompts of 1 to ${most} tokens`,
    );
  });

  // Equal prompts are continued once: their continuations are equal, unless tokens are drawn from different
  // streams.
  const places = new Map<string, number[]>();
  prompts.forEach((prompt, i) => {
    const key = JSON.stringify([prompt, job.histories?.[i], sampling?.streams[i]]);
    places.set(key, [...(places.get(key) ?? []), i]);
  });
  // Sorted by length: prompts that are read together are padded to the longest.
  const groups = [...places.values()]
    .map((equal): Place => ({ prompt: prompts[equal[0]!]!, equal }))
    .sort((a, b) => b.prompt.length - a.prompt.length);

  const hypotheses: Hypothesis[][] = prompts.map(() => []);
  let done = 0;
  let ended = Promise.resolve();
  const onEnd = ({ equal }: Place, found: readonly Hypothesis[]): void => {
    for (const i of equal) {
      hypotheses[i] = [...found];
      ended = ended.then(() => job.onEnd?.(i, found[0]?.tokens ?? []));
    }
    // A rejection is thrown where `ended` is awaited, after the search.
    ended.catch(() => undefined);
    done += equal.length;
    job.onProgress?.(done);
  };
  if (groups.length > 0) {
    const frozen = job.frozen ?? (await freezeAll(engine, base, delta, job.tensors));
    const setup = { engine, frozen, base, delta, normalized: beams > 1 };
    try {
      const search = isInGraph(job, positions) ? searchInGraph : searchOnHost;
      await search(job, setup, groups, positions, onEnd);
      await ended;
    } finally {
      if (!job.frozen) frozen.dispose();
    }
  }
  return { hypotheses, seconds: (performance.now() - start) / 1000 };
}

/** A prompt, and the indices of the job's prompts that are equal to it. */
interface Place {
  readonly prompt: readonly number[];
  readonly equal: readonly number[];
}
type Search = (
  job: GenerateJob,
  setup: DecodingSetup,
  places: readonly Place[],
  positions: number,
  onEnd: (place: Place, found: readonly Hypothesis[]) => void,
) => Promise<void>;

const readsSource = ({ architecture }: BaseModel): boolean => architecture.kind === 'encoder-decoder';

/** How many tokens may follow a prompt. An encoder-decoder's have positions of their own, behind a source that fits. */
function roomAfter({ base }: GenerateJob, prompt: readonly number[], positions: number): number {
  if (!readsSource(base)) return positions - prompt.length;
  return prompt.length <= positions ? positions : 0;
}

/**
 * Whether the search runs inside a program: on a device with memory of its own, without repetition penalty or
 * sampling, and with room for all new tokens after every prompt.
 */
function isInGraph(job: GenerateJob, positions: number): boolean {
  const { engine, prompts, maxNewTokens, sampling, repetitionPenalty = 1 } = job;
  return (
    engine.device.startsWith('cuda') &&
    repetitionPenalty === 1 &&
    !sampling &&
    prompts.every((prompt) => maxNewTokens <= roomAfter(job, prompt, positions))
  );
}

const searchInGraph: Search = async (job, setup, places, _, onEnd) => {
  const { lengthPenalty = 1, earlyStopping = false, minNewTokens = 0, noRepeatNgram = 0 } = job;
  const forced = job.base.forcedTokens;
  const rules = { ...job, lengthPenalty, earlyStopping, minNewTokens, noRepeatNgram, forced };
  const together = Math.min(Math.max(1, Math.floor(DEVICE_ROWS / job.beams)), places.length);
  const search = new GraphSearch(setup, rules, together);
  try {
    for (const group of chunk([...places], together)) {
      job.signal?.throwIfAborted();
      const histories = group.map((place) => historyOf(job, place));
      const found = await search.run(
        group.map(({ prompt }) => prompt),
        histories,
      );
      group.forEach((place, i) => {
        onEnd(place, found[i]!);
      });
    }
  } finally {
    await search.dispose();
  }
};

/** The history of a prompt before the first new token. */
function historyOf({ base, histories }: GenerateJob, { prompt, equal }: Place): readonly number[] {
  const { architecture } = base;
  return (
    histories?.[equal[0]!] ?? (architecture.kind === 'encoder-decoder' ? [architecture.startToken] : prompt)
  );
}

const searchOnHost: Search = async (job, setup, places, positions, onEnd) => {
  const { beams, maxNewTokens, sampling, signal } = job;
  const searches = places.map((place) => {
    const { prompt } = place;
    const history = historyOf(job, place);
    const options = {
      ...job,
      forced: job.base.forcedTokens,
      maxNewTokens: Math.min(maxNewTokens, roomAfter(job, prompt, positions)),
      ...(sampling && {
        choose: tokenSampler(sampling, sampling.streams[place.equal[0]!]!),
        drawnFrom: sampling.topK ?? Infinity,
      }),
    };
    const search = beams === 1 ? new GreedySearch(options, history) : new BeamSearch(options, history);
    return { prompt, search };
  });
  const longest = Math.max(...places.map(({ prompt }) => Math.min(prompt.length + maxNewTokens, positions)));
  const rows = rowsAtOnce(job.base.architecture, longest, usableMemory());
  const groups = Math.min(Math.max(1, Math.floor(rows / beams)), searches.length);
  const together = Math.max(1, Math.floor(groups / 4));
  const candidates = Math.max(...searches.map(({ search }) => search.needed)) + SPARE;
  const idleBytes = compilingBytes(job.base);
  const decoder = new Decoder(setup, { groups, beams, prompts: together, candidates, idleBytes });
  try {
    await runSearches(decoder, searches, {
      groups,
      prompts: together,
      signal,
      onEnd(i) {
        onEnd(places[i]!, searches[i]!.search.hypotheses);
      },
    });
  } finally {
    await decoder.dispose();
  }
};

/**
 * Bytes whose reading takes about as long as compiling a step: ten times the weights (SmolLM2-135M: 0.8 to 1.3 s,
 * a step of few rows 0.1 s), and 1 GiB for a model of any size.
 */
function compilingBytes({ shapes }: BaseModel): number {
  return 2 ** 30 + 10 * 4 * sum(Object.values(shapes).map(sizeOf));
}

/** How many rows of so many tokens a step on the host computes at once, at least one. */
export function rowsAtOnce(sizes: CacheSizes, tokens: number, memory: number): number {
  const bytes = Math.min(CACHE_BYTES, CACHE_SHARE * memory);
  return Math.max(1, Math.min(ROWS, Math.floor(bytes / cacheBytes(sizes, tokens))));
}
