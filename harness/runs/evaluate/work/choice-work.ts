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
import type { Documents, EvaluatedModel, Speed, Work, Workload } from './evaluation-work.ts';
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
  let divided: LikelihoodBatch[] | undefined;
  const batches = (): LikelihoodBatch[] => (divided ??= likelihoodBatches({ base, delta }, requests));
  const isCut = ({ context, continuation }: Request): boolean =>
    context.length + continuation.length > positions + 1;
  return {
    measures,
    documents: prompts.length,
    cut: requests.filter((all) => all.some(isCut)).length,
    compute: (documents, model, signal) => scoreDocuments(documents, batches(), model, signal),
    get workload() {
      return workloadOf(requests, batches());
    },
    measure: (model, signal) => measureBatches(batches(), model, signal),
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

function workloadOf(
  requests: readonly (readonly Request[])[],
  batches: readonly LikelihoodBatch[],
): Workload {
  const shapes = new Set(batches.map(({ shape }) => JSON.stringify(shape)));
  const beginnings = new Set(batches.flatMap(({ beginning }) => beginning ?? []));
  return {
    requests: sum(requests.map((own) => own.length)),
    tokens: sum(batches.map(({ tokens }) => tokens)),
    programs: shapes.size + beginnings.size,
  };
}

/** Batches that are timed: of middle size, then others while the measurement is short. */
const TIMED = [0.5, 0.15, 0.85];
/** Seconds after which no other batch is timed. */
const ENOUGH = 10;

/** Times a few batches twice each: the first time has the program's compilation and the shared beginning, too. */
async function measureBatches(
  batches: readonly LikelihoodBatch[],
  { scorer }: EvaluatedModel,
  signal: AbortSignal,
): Promise<Speed> {
  const runs: { tokens: number; seconds: number }[] = [];
  const first: { tokens: number; seconds: number }[] = [];
  const places = new Set(TIMED.map((share) => Math.floor(share * batches.length)));
  let spent = 0;
  for (const batch of [...places].map((place) => batches[place]!)) {
    if (spent > ENOUGH) break;
    signal.throwIfAborted();
    const { shape, beginning } = batch;
    const tokens = shape.rows * shape.nodes;
    const read = tokens + (beginning?.ids.length ?? 0);
    first.push({ tokens: read, seconds: await secondsOf(() => scorer.score(batch)) });
    runs.push({ tokens, seconds: await secondsOf(() => scorer.score(batch)) });
    spent += first.at(-1)!.seconds + runs.at(-1)!.seconds;
  }
  const secondsPerToken = sum(runs.map(({ seconds }) => seconds)) / sum(runs.map(({ tokens }) => tokens));
  const beyond = first.map(({ tokens, seconds }) => Math.max(0, seconds - tokens * secondsPerToken));
  return { secondsPerToken, secondsPerProgram: sum(beyond) / beyond.length };
}
