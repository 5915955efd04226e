/**
 * Runs many searches over one model on the host. generate.ts calls it; greedy.ts and beam.ts are its
 * searches.
 */
import type { Candidates } from '../candidates.ts';

/** The next token of each beam of a group, and the beam that each continues. */
export interface Continuation {
  readonly group: number;
  readonly tokens: readonly number[];
  readonly parents: readonly number[];
}

/**
 * A model as searches see it: it has places for groups of sequences and offers the best next tokens of each.
 */
export interface SequenceModel {
  /** Reads prompts, one into each group; returns at least `needed` best next tokens of each. */
  start(
    prompts: readonly { group: number; prompt: readonly number[] }[],
    needed: number,
  ): Promise<Candidates[]>;
  /**
   * Appends a token to every beam of the given groups; returns at least `needed` best next tokens of each
   * beam.
   */
  step(continuations: readonly Continuation[], needed: number): Promise<Candidates[][]>;
  /** Frees a group. */
  end(group: number): void;
  /** Says that no more prompts come: places of groups that ended may be given up. */
  settle(): void;
}

/** The search for one prompt's continuation, without a model. */
export interface Search {
  /** The number of candidates of each beam that the next choice needs. */
  readonly needed: number;
  /**
   * Chooses from the candidates of every beam, at first of the prompt alone; undefined where the search has
   * ended.
   */
  advance(beams: readonly Candidates[]): Omit<Continuation, 'group'> | undefined;
}

/** A prompt with its search. */
export interface SearchJob<S extends Search> {
  readonly prompt: readonly number[];
  readonly search: S;
}

/** How searches share a model. */
export interface SearchRun {
  /** The number of groups that the model has places for. */
  readonly groups: number;
  /** Prompts to read at once: reading many together is faster, but leaves places empty for longer. */
  readonly prompts: number;
  readonly signal?: AbortSignal | undefined;
  /** Called when a search has ended. */
  onEnd(job: number): void;
}

/** Runs searches to their ends. A prompt that waits takes the group of a search that has ended. */
export async function runSearches(
  model: SequenceModel,
  jobs: readonly SearchJob<Search>[],
  { groups, prompts: together, signal, onEnd }: SearchRun,
): Promise<void> {
  const waiting = jobs.map((_, i) => i);
  const free = Array.from({ length: groups }, (_, group) => group).reverse();
  const active = new Map<number, { job: number; next: Omit<Continuation, 'group'> }>();

  const take = (group: number, job: number, beams: readonly Candidates[]): void => {
    const next = jobs[job]!.search.advance(beams);
    if (next) {
      active.set(group, { job, next });
      return;
    }
    active.delete(group);
    model.end(group);
    free.push(group);
    onEnd(job);
  };

  while (waiting.length > 0 || active.size > 0) {
    signal?.throwIfAborted();
    if (waiting.length > 0 && (free.length >= together || active.size === 0)) {
      const starting = waiting
        .splice(0, Math.min(together, free.length))
        .map((job) => ({ job, group: free.pop()! }));
      const prompts = starting.map(({ job, group }) => ({ group, prompt: jobs[job]!.prompt }));
      const found = await model.start(
        prompts,
        Math.max(...starting.map(({ job }) => jobs[job]!.search.needed)),
      );
      starting.forEach(({ job, group }, i) => {
        take(group, job, [found[i]!]);
      });
      if (waiting.length === 0) model.settle();
      continue;
    }
    const current = [...active].map(([group, { job, next }]) => ({ group, job, ...next }));
    const needed = Math.max(...current.map(({ job }) => jobs[job]!.search.needed));
    const found = await model.step(current, needed);
    current.forEach(({ group, job }, i) => {
      take(group, job, found[i]!);
    });
  }
}
