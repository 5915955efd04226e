/** Evaluations that read an answer from a text that the model generates. */
import { z } from 'zod';
import type { Tokenizer } from '../../../data/tokenizers/tokenizer.ts';
import { generate } from '../../../decoding/generate.ts';
import type {
  EvaluationData,
  EvaluationProtocol,
  TextDecoding,
  TextDocument,
  TextEvaluation,
  WrittenText,
} from '../../../evaluation/evaluation.ts';
import { positionsFor } from '../../../evaluation/likelihoods/batches.ts';
import { promptEncoder } from '../../../evaluation/likelihoods/tokens.ts';
import { promptsOf } from '../../../evaluation/prompts.ts';
import type { WritingRules } from '../../../models/bases/generation-config.ts';
import { UsageError } from '../../../support/errors.ts';
import type { Documents, EvaluatedModel, Work, WorkOptions } from './evaluation-work.ts';
import { writingPart } from './measure-time.ts';
import type { Subject } from '../subject.ts';

const outcome = z.array(z.int().min(0)).readonly();
/** The tokens that a model generates after a document's prompt, without the end token. */
export type Written = z.infer<typeof outcome>;

/** Makes the prompts of an evaluation; throws UsageError if the base's window has no room for a prompt. */
export function textWork(
  evaluation: TextEvaluation,
  data: EvaluationData<TextDocument>,
  subject: Subject,
  { shots, rules = {}, ...options }: WorkOptions,
): Work<Written> {
  const { measures } = evaluation;
  const { base, tokenizer, delta } = subject;
  const { protocol } = options;
  const isFollowed = followsFiles(protocol);
  const ends = new Set(isFollowed ? subject.endTokens.filter((id) => id !== tokenizer.eosId) : []);
  const decoding = { ...withEndText(evaluation.decoding(protocol), protocol, tokenizer), ...rules };
  const room = roomForPrompt(evaluation, protocol, base.id, positionsFor(base, delta));
  const prompts = promptsOf(evaluation, data, shots, options);
  const encode = promptEncoder(tokenizer, protocol);
  const whole = prompts.map(({ textOf, document }) => encode(textOf(document.prompt)));
  const tokens = whole.map((own) => own.slice(0, decoding.promptLength).slice(-room));
  return {
    measures,
    documents: prompts.length,
    cut: whole.filter((own, document) => own.length > tokens[document]!.length).length,
    compute: (documents, model, signal) =>
      writeTexts(documents, tokens, { ...decoding, ends }, model, signal),
    requests: prompts.length,
    tokens: tokens.map(({ length }) => length + decoding.maxNewTokens),
    parts: [writingPart(tokens, { beams: 1, ...decoding })],
    outcome,
    fits: (written) => written.length <= decoding.maxNewTokens,
    faultOf: () => undefined,
    askedAt(place) {
      const { textOf, document } = prompts[place]!;
      const { stops, maxNewTokens, beams = 1 } = evaluation.decoding(protocol);
      const options = { until: stops, do_sample: false, max_gen_toks: maxNewTokens, num_beams: beams };
      return { arguments: [[textOf(document.prompt), options]], target: document.gold };
    },
    judge(written, place) {
      const { index, document, examples } = prompts[place]!;
      const whole = writtenText(tokenizer, tokens[place]!, written, decoding);
      const read = evaluation.read(whole, document, protocol);
      const readings = measures.map((measure) => read[measure]!);
      const answers = measures.map((measure, i) => [measure, readings[i]!.answer ?? null] as const);
      return {
        scores: readings.map(({ isRight }) => (isRight ? 1 : 0)),
        sample: {
          document: index,
          examples,
          gold: document.gold,
          text: whole.text,
          answers: Object.fromEntries(answers),
        },
        isUnread: readings[0]!.answer === undefined,
      };
    },
  };
}

/**
 * Whether a protocol's program ends and writes texts as the base's files say: lm-eval does, by transformers; the
 * other programs name the tokenizer's end token.
 */
export const followsFiles = (protocol: EvaluationProtocol): boolean =>
  protocol !== 'pyreft' && protocol !== 'llm-adapters';

/** The tokens that a base's window has for a prompt; throws UsageError where it has none. */
export function roomForPrompt(
  { name, decoding }: Pick<TextEvaluation, 'name' | 'decoding'>,
  protocol: EvaluationProtocol,
  id: string,
  positions: number,
): number {
  const { maxNewTokens } = decoding(protocol);
  if (positions > maxNewTokens) return positions - maxNewTokens;
  throw new UsageError(
    `${name} writes ${maxNewTokens} tokens, ${id} reads ${positions}, its prompt included; ` +
      `choose a base with a longer window.`,
  );
}

/** Lm-eval also stops a text at the end token's own, which a model may write letter by letter. */
function withEndText(
  decoding: TextDecoding,
  protocol: EvaluationProtocol,
  tokenizer: Tokenizer,
): TextDecoding {
  const { eosId } = tokenizer;
  if (protocol !== 'lm-eval' || eosId === undefined) return decoding;
  const end = tokenizer.decode([eosId], { skipSpecialTokens: false });
  return { ...decoding, stops: [...new Set([...decoding.stops, end])] };
}

/** Decodes a generated text and cuts it before each stop string in turn, as lm-eval does. */
export function writtenText(
  tokenizer: Tokenizer,
  prompt: readonly number[],
  written: Written,
  {
    stops,
    maxNewTokens,
    keepsSpecialTokens = false,
  }: Pick<TextDecoding, 'stops' | 'maxNewTokens' | 'keepsSpecialTokens'>,
): WrittenText {
  const { eosId } = tokenizer;
  const hasEnd = keepsSpecialTokens && eosId !== undefined && written.length < maxNewTokens;
  const tokens = hasEnd ? [...written, eosId] : written;
  const decode = (some: readonly number[]): string =>
    tokenizer.decode(some, { skipSpecialTokens: !keepsSpecialTokens });
  const text = stops.reduce((rest, stop) => rest.split(stop, 1)[0]!, decode(tokens));
  return { whole: decode([...prompt, ...tokens]), text };
}

/**
 * Gives a function that says whether the last tokens hold a stop string, or the last one is of `ends`, so that
 * the text may end.
 */
export function holdsStop(
  tokenizer: Tokenizer,
  stops: readonly string[],
  ends: ReadonlySet<number> = new Set(),
): (tokens: readonly number[]) => boolean {
  // lm-eval looks back over as many tokens as the stop string has by itself, and two more.
  const lengths = stops.map((stop) => tokenizer.encode(stop, { specialTokens: false }).length + 2);
  const most = Math.max(0, ...lengths);
  return (tokens) => {
    if (ends.has(tokens.at(-1)!)) return true;
    if (most === 0) return false;
    const text = tokenizer.decode(tokens.slice(-most), { skipSpecialTokens: false });
    return stops.some((stop) => text.includes(stop));
  };
}

/** Generates the texts of an evaluation's missing documents. */
async function writeTexts(
  documents: Documents<Written>,
  prompts: readonly (readonly number[])[],
  { ends, ...decoding }: TextDecoding & WritingRules & { readonly ends: ReadonlySet<number> },
  model: EvaluatedModel,
  signal: AbortSignal,
): Promise<void> {
  const { missing } = documents;
  await generate({
    ...model,
    signal,
    prompts: missing.map((document) => prompts[document]!),
    maxNewTokens: decoding.maxNewTokens,
    beams: decoding.beams ?? 1,
    repetitionPenalty: decoding.repetitionPenalty,
    noRepeatNgram: decoding.noRepeatNgram,
    eosId: model.tokenizer.eosId,
    isComplete: holdsStop(model.tokenizer, decoding.stops, ends),
    onEnd: (place, tokens) => documents.keep(missing[place]!, throughFirst(ends, tokens)),
  });
}

/** Tokens up to the first end among them, which transformers keeps; a search on a device goes on behind it. */
function throughFirst(ends: ReadonlySet<number>, tokens: readonly number[]): readonly number[] {
  const end = tokens.findIndex((id) => ends.has(id));
  return end < 0 ? tokens : tokens.slice(0, end + 1);
}
