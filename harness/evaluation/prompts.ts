/** Puts description and examples before documents, as lm-eval's sampler does. */
import { UsageError } from '../support/errors.ts';
import { PythonRandom } from '../data/random/python-random.ts';
import type { Alternative, ChoiceDocument, Evaluation, EvaluationData } from './evaluation.ts';

/** Lm-eval's `fewshot_random_seed`: one stream of random numbers for each task. */
const SEED = 1234;

/** A document with everything that stands before it. */
export interface Prompt {
  /** The document's place in its file. */
  readonly index: number;
  readonly document: ChoiceDocument;
  /** Places of its examples in the pool, in order. */
  readonly examples: readonly number[];
  /** The document's alternatives with whole contexts. */
  readonly alternatives: readonly Alternative[];
}

/** How many examples stand before each document; throws UsageError where the evaluation fixes it at another number. */
export function shotsOf(
  { name, shots }: Evaluation,
  protocol: keyof Exclude<Evaluation['shots'], 0>,
  asked: number | undefined,
): number {
  if (shots !== 0) return asked ?? shots[protocol];
  if (!asked) return 0;
  throw new UsageError(`--shots ${asked}: ${name} has a prompt of its own and takes no examples; leave it out for this one.`); // prettier-ignore
}

/** The first `limit` documents as prompts; throws UsageError where the pool has too few examples. */
export function promptsOf(
  { name, examples, description = '' }: Evaluation,
  { documents, pool }: EvaluationData,
  shots: number,
  limit = Infinity,
): Prompt[] {
  const drawn = shots + (examples === 'drawn-beside' && shots > 0 ? 1 : 0);
  if (drawn > pool.length)
    throw new UsageError(`--shots ${shots}: ${name} has ${pool.length} examples to take them from.`);
  const random = new PythonRandom(SEED);
  const texts = pool.map((document) => JSON.stringify(document));
  return documents.slice(0, limit).map((document, index) => {
    const chosen = chooseExamples();
    const before = description + chosen.map((place) => `${pool[place]!.example}\n\n`).join('');
    const alternatives = document.alternatives.map(({ context, continuation }) => ({
      context: before + context,
      continuation,
    }));
    return { index, document, examples: chosen, alternatives };

    function chooseExamples(): number[] {
      if (shots === 0) return [];
      if (examples === 'first') return Array.from({ length: shots }, (_, i) => i);
      const places = random.sample(pool.length, drawn);
      if (examples === 'drawn') return places;
      const own = JSON.stringify(document);
      return places.filter((place) => texts[place] !== own).slice(0, shots);
    }
  });
}
