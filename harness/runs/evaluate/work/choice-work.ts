/** Evaluations that choose an answer by the alternatives' log-likelihoods. */
import { z } from 'zod';
import type { ChoiceEvaluation, EvaluationData } from '../../../evaluation/evaluation.ts';
import {
  likelihoodBatches,
  positionsFor,
  type LikelihoodBatch,
} from '../../../evaluation/likelihoods/batches.ts';
import type { Request } from '../../../evaluation/likelihoods/token-tree.ts';
import { encodeAlternatives } from '../../../evaluation/likelihoods/tokens.ts';
import { chosenBy, scoreOf } from '../../../evaluation/measures.ts';
import { alternativesOf, promptsOf, type PromptOptions } from '../../../evaluation/prompts.ts';
import { sum } from '../../../support/numbers/arithmetic.ts';
import { UsageError } from '../../../support/errors.ts';
import { secondsOf } from './measure-time.ts';
import type { Documents, EvaluatedModel, Work, WorkPart } from './evaluation-work.ts';
import type { Subject } from '../subject.ts';

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
  { shots, ...options }: PromptOptions,
): Work<Likelihoods> {
  const { name, measures } = evaluation;
  const { protocol } = options;
  const prompts = promptsOf(evaluation, data, shots, options);
  const encode = evaluation.encode ?? encodeAlternatives;
  const requests = prompts.map((prompt) => encode(tokenizer, alternativesOf(prompt), protocol));
  const positions = positionsFor(base, delta);
  checkAnswers(requests, positions, `${name}, read by ${base.id}`);
  let divided: LikelihoodBatch[] | undefined;
  const batches = (): LikelihoodBatch[] => (divided ??= likelihoodBatches({ base, delta }, requests));
  const isCut = ({ context, continuation }: Request): boolean =>
    context.length + continuation.length > positions + 1;
  return {
    measures,
    documents: prompts.length,
    cut: requests.filter((all) => all.some(isCut)).length,
    compute: (documents, model, signal) => scoreDocuments(documents, batches(), model, signal),
    requests: sum(requests.map((own) => own.length)),
    get tokens() {
      return tokensOf(batches(), prompts.length);
    },
    get parts() {
      return partsOf(batches());
    },
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

/** Throws UsageError where an answer alone is longer than the window. */
function checkAnswers(requests: readonly (readonly Request[])[], positions: number, what: string): void {
  const long = requests.findIndex((all) => all.some(({ continuation }) => continuation.length > positions));
  if (long < 0) return;
  throw new UsageError(
    `${what}: an answer of document ${long + 1} is longer than the window of ${positions} tokens; ` +
      'choose a base with a longer one.',
  );
}

/** Scores the missing documents of an evaluation, batch by batch. */
async function scoreDocuments(
  documents: Documents<Likelihoods>,
  batches: readonly LikelihoodBatch[],
  model: EvaluatedModel,
  signal: AbortSignal,
): Promise<void> {
  for (const batch of batches) {
    if (batch.documents.every((document) => documents.isDone(document))) continue;
    signal.throwIfAborted();
    for (const [document, likelihoods] of await model.scorer.score(batch))
      if (!documents.isDone(document)) await documents.keep(document, likelihoods);
  }
}

/** The tokens of each batch with its first document: when that has an outcome, the whole batch is computed. */
function tokensOf(batches: readonly LikelihoodBatch[], documents: number): number[] {
  const tokens = Array.from({ length: documents }, () => 0);
  for (const batch of batches) tokens[batch.documents[0]!] = batch.tokens;
  return tokens;
}

/** The parts of the work: its batches, the first of those that share a beginning with the beginning. */
function partsOf(batches: readonly LikelihoodBatch[]): WorkPart[] {
  const beginnings = new Set<unknown>();
  return batches.map((batch) => {
    const { shape, beginning } = batch;
    const load = { tokens: shape.rows * shape.nodes, keys: shape.beginning + shape.nodes };
    const length = beginning?.ids.length ?? 0;
    const before = beginning && { tokens: length, keys: length };
    const begins = beginning !== undefined && !beginnings.has(beginning);
    beginnings.add(beginning);
    return {
      load,
      ...(begins && { before }),
      program: JSON.stringify(shape),
      async time({ scorer }) {
        const ready = scorer.hasReady(batch);
        const first = await secondsOf(() => scorer.score(batch));
        // The second time finds the program and the beginning.
        const seconds = await secondsOf(() => scorer.score(batch));
        const loads = before && !ready.beginning ? [before] : [];
        const programs = (ready.program ? 0 : 1) + loads.length;
        return { seconds, start: { seconds: Math.max(0, first - seconds), programs, loads } };
      },
    };
  });
}
