/** Puts description and examples before documents, as lm-eval's sampler does. runs/evaluate uses it. */
import { UsageError } from '../support/errors.ts';
import { PythonRandom } from '../data/random/python-random.ts';
import type {
  Alternative,
  ChoiceDocument,
  Evaluation,
  EvaluationData,
  EvaluationProtocol,
} from './evaluation.ts';

/** Lm-eval's `fewshot_random_seed`. Each evaluation draws from a stream of its own. */
const SEED = 1234;

/** A document with the text before it. */
export interface Prompt<Document = ChoiceDocument> {
  /** The document's index in its file. */
  readonly index: number;
  readonly document: Document;
  /** Indices of its examples in the pool, in their order in the prompt. */
  readonly examples: readonly number[];
  /** Description and examples. */
  readonly before: string;
}

/** A document's alternatives, with description and examples in their contexts. */
export function alternativesOf({ before, document }: Prompt): Alternative[] {
  return document.alternatives.map(({ context, continuation }) => ({
    context: before + context,
    continuation,
  }));
}

/**
 * The number of examples before each document; throws UsageError where the evaluation does not take the
 * protocol or the number.
 */
export function shotsOf(
  { name, shots, fixedShots }: Evaluation,
  protocol: EvaluationProtocol,
  asked: number | undefined,
): number {
  const own = shots[protocol];
  if (own === undefined)
    throw new UsageError(
      `--protocol ${protocol}: ${name} has none of this kind; it can be ${Object.keys(shots).join(', ')}.`,
    );
  if (asked === undefined || asked === own) return own;
  if (!fixedShots) return asked;
  throw new UsageError(
    `--shots ${asked}: ${name} has a prompt of its own and takes no examples; leave it out for this one.`,
  );
}

/** The first `limit` documents as prompts; throws UsageError where the pool has too few examples. */
export function promptsOf<Document extends { readonly example: string }>(
  { name, examples, description = '' }: Pick<Evaluation, 'name' | 'examples' | 'description'>,
  { documents, pool }: EvaluationData<Document>,
  shots: number,
  limit = Infinity,
): Prompt<Document>[] {
  const needed = shots + (examples === 'drawn-beside' && shots > 0 ? 1 : 0);
  if (needed > pool.length)
    throw new UsageError(`--shots ${shots}: ${name} has ${pool.length} examples to take them from.`);
  const random = new PythonRandom(SEED);
  const texts = pool.map((document) => JSON.stringify(document));
  const examplesFor = (document: Document): number[] => {
    if (shots === 0) return [];
    if (examples === 'first') return Array.from({ length: shots }, (_, i) => i);
    const places = random.sample(pool.length, needed);
    if (examples === 'drawn') return places;
    const own = JSON.stringify(document);
    return places.filter((place) => texts[place] !== own).slice(0, shots);
  };
  return documents.slice(0, limit).map((document, index) => {
    const chosen = examplesFor(document);
    const before = description + chosen.map((place) => `${pool[place]!.example}\n\n`).join('');
    return { index, document, examples: chosen, before };
  });
}
