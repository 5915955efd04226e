/** Evaluations that choose an answer by the alternatives' log-likelihoods. */
import { z } from 'zod';
import type { ChoiceEvaluation, EvaluationData } from '../../evaluation/evaluation.ts';
import { likelihoodBatches, positionsFor } from '../../evaluation/likelihoods/batches.ts';
import type { Request } from '../../evaluation/likelihoods/token-tree.ts';
import { encodeAlternatives } from '../../evaluation/likelihoods/tokens.ts';
import { chosenBy, scoreOf } from '../../evaluation/measures.ts';
import { alternativesOf, promptsOf, type PromptOptions } from '../../evaluation/prompts.ts';
import { UsageError } from '../../support/errors.ts';
import type { Documents, EvaluatedModel, Work } from './evaluation-work.ts';
import type { Subject } from './subject.ts';

const outcome = z.array(z.object({ logLikelihood: z.number(), isGreedy: z.boolean() })).readonly();
/** The log-likelihood of each alternative of a document, and whether greedy decoding would write it. */
export type Likelihoods = z.infer<typeof outcome>;

/**
 * Makes the prompts and tokens of an evaluation; throws UsageError if an answer is longer than the base's
 * window.
 */
export function choiceWork(
  evaluation: ChoiceEvaluation,
  data: EvaluationData,
  { base, tokenizer, delta }: Subject,
  { protocol, shots, ...options }: PromptOptions,
): Work<Likelihoods> {
  const { name, measures } = evaluation;
  const prompts = promptsOf(evaluation, data, shots, options);
  const encode = evaluation.encode ?? encodeAlternatives;
  const requests = prompts.map((prompt) => encode(tokenizer, alternativesOf(prompt), protocol));
  const positions = positionsFor(base, delta);
  const long = requests.findIndex((all) => all.some(({ continuation }) => continuation.length > positions));
  if (long >= 0)
    throw new UsageError(
      `${name}: an answer of document ${long + 1} is longer than the ${positions} tokens that ${base.id} reads; ` +
        `choose a base with a longer window.`,
    );
  const isCut = ({ context, continuation }: Request): boolean =>
    context.length + continuation.length > positions + 1;
  return {
    measures,
    documents: prompts.length,
    cut: requests.filter((all) => all.some(isCut)).length,
    compute: (documents, model, signal) => scoreDocuments(documents, requests, model, signal),
    outcome,
    fits: (likelihoods, document) => likelihoods.length === requests[document]!.length,
    faultOf: (likelihoods) =>
      likelihoods.every(({ logLikelihood }) => Number.isFinite(logLikelihood))
        ? undefined
        : 'a log-likelihood is not finite; the weights or the adapter hold numbers that are not',
    askedAt: (document) => ({
      arguments: alternativesOf(prompts[document]!).map(({ context, continuation }) => [
        context,
        continuation,
      ]),
      target: prompts[document]!.document.gold,
    }),
    judge(likelihoods, place) {
      const { index, document, examples } = prompts[place]!;
      const chosen = chosenBy(measures[0], document, likelihoods);
      return {
        scores: measures.map((measure) => scoreOf(measure, document, likelihoods)),
        sample: {
          document: index,
          examples,
          gold: document.gold,
          ...(chosen !== undefined && { chosen }),
          logLikelihoods: likelihoods.map(({ logLikelihood }) => logLikelihood),
          greedy: likelihoods.map(({ isGreedy }) => isGreedy),
        },
      };
    },
  };
}

/** Scores the missing documents of an evaluation, batch by batch. */
async function scoreDocuments(
  documents: Documents<Likelihoods>,
  requests: readonly (readonly Request[])[],
  model: EvaluatedModel,
  signal: AbortSignal,
): Promise<void> {
  for (const batch of likelihoodBatches(model, requests)) {
    if (batch.documents.every((document) => documents.isDone(document))) continue;
    signal.throwIfAborted();
    for (const [document, likelihoods] of await model.scorer.score(batch))
      if (!documents.isDone(document)) await documents.keep(document, likelihoods);
  }
}
