/** Evaluations whose answers are written now and judged later (`bench judge`), over one turn or several. */
import { z } from 'zod';
import type { ChatMessage } from '../../../data/tokenizers/chat-template.ts';
import { generate } from '../../../decoding/generate.ts';
import type {
  AnswerEvaluation,
  EvaluationData,
  QuestionDocument,
  Writing,
} from '../../../evaluation/evaluation.ts';
import { positionsFor } from '../../../evaluation/likelihoods/batches.ts';
import type { ChatWriter, PromptOptions } from '../../../evaluation/prompts.ts';
import { length, strip } from '../../../support/python-text.ts';
import type { Documents, EvaluatedModel, Work } from './evaluation-work.ts';
import { writingPart } from './measure-time.ts';
import type { Subject } from '../subject.ts';
import { holdsStop, writtenText } from './text-work.ts';

const outcome = z
  .array(z.array(z.int().min(0)).readonly())
  .min(1)
  .readonly();
/** The tokens of the answers to a conversation's turns, as far as they are written. */
export type Answers = z.infer<typeof outcome>;

/** FastChat seeds its generator with the index of the choice, of which there is one. */
const SEED = 0;

/** The conversations of an evaluation. */
interface Conversations {
  readonly questions: readonly QuestionDocument[];
  readonly writing: Writing;
  /** Tokens that end an answer beside the tokenizer's end token. */
  readonly ends: ReadonlySet<number>;
  /** The next prompt of a conversation after its answers so far, cut to leave room for another answer. */
  promptAfter(document: number, answers: Answers | undefined): Prompt;
}

interface Prompt {
  readonly text: string;
  readonly tokens: readonly number[];
  readonly isCut: boolean;
}

/** The writing with a chat template, which has its own special tokens and ends answers by one of them. */
const inTemplate = (writing: Writing, chat: ChatWriter): Writing => ({
  ...writing,
  prompt: chat,
  specialTokens: false,
  stops: [],
  read: ({ text }) => strip(text),
});

/** Makes the work of an evaluation; prompts of later turns depend on the answers before them. */
export function answerWork(
  evaluation: AnswerEvaluation,
  data: EvaluationData<QuestionDocument>,
  subject: Subject,
  { protocol, limit = Infinity, chat }: Pick<PromptOptions, 'protocol' | 'limit' | 'chat'>,
): Work<Answers> {
  const { base, tokenizer, delta, variant } = subject;
  const questions = data.documents.slice(0, limit);
  const writing = chat ? inTemplate(evaluation.writing(protocol), chat) : evaluation.writing(protocol);
  const follow = followConversations(questions, writing, tokenizer, positionsFor(base, delta));
  const model = [base.id, ...(variant === 'none' ? [] : [variant])].join('--').replaceAll('/', '--');
  const conversations: Conversations = {
    questions,
    writing,
    // A chat template may end turns by another token than the tokenizer's end token.
    ends: new Set(chat ? subject.endTokens : []),
    promptAfter: (document, answers) => follow(document, answers ?? []).next,
  };
  // A later turn's prompt holds the answers before it; the first stands for it in what is counted.
  const { maxNewTokens } = writing;
  const firstPrompts = questions.map((_, document) => conversations.promptAfter(document, undefined).tokens);
  const prompts = questions.flatMap(({ turns }, document) => turns.map(() => firstPrompts[document]!));
  return {
    measures: evaluation.measures,
    documents: questions.length,
    cut: 0,
    compute: (documents, model, signal) => writeAnswers(documents, conversations, model, signal),
    requests: prompts.length,
    tokens: questions.map(
      ({ turns }, document) => turns.length * (firstPrompts[document]!.length + maxNewTokens),
    ),
    parts: [writingPart(prompts, { maxNewTokens, beams: 1 })],
    outcome,
    fits: (answers, document) => answers.length <= questions[document]!.turns.length,
    isWhole: (answers, document) => answers.length === questions[document]!.turns.length,
    faultOf: () => undefined,
    askedAt(document) {
      const { turns, reference } = questions[document]!;
      return { arguments: turns.map((turn) => [turn, {}]), target: reference?.turns.join('\n\n') ?? '' };
    },
    judge(answers, document) {
      const { texts, prompts } = follow(document, answers);
      const { id, category } = questions[document]!;
      const lengths = texts.map(length);
      return {
        scores: [],
        sample: { document, id, category, answers: texts, lengths },
        isCut: prompts.some(({ isCut }) => isCut),
      };
    },
    publish(all, ended) {
      const answered = all.map((answers, document) => ({
        document: questions[document]!,
        turns: follow(document, answers).texts,
      }));
      return { ...evaluation.answersFile(answered, { model, ended }), model };
    },
  };
}

/** A conversation up to its last answer. */
interface Followed {
  /** The texts of the answers, and the prompts that led to them, from turn to turn. */
  readonly texts: readonly string[];
  readonly prompts: readonly Prompt[];
  /** The prompt of the next answer. */
  readonly next: Prompt;
}

/** Makes a function that follows a conversation through the answers to its turns so far. */
function followConversations(
  questions: readonly QuestionDocument[],
  writing: Writing,
  tokenizer: Subject['tokenizer'],
  positions: number,
): (document: number, answers: Answers) => Followed {
  // An answer has at least half of a window that is too short for prompt and answer.
  const room = Math.min(writing.maxNewTokens, Math.ceil(positions / 2));
  const encode = (text: string): Prompt => {
    const whole = tokenizer.encode(text, { specialTokens: writing.specialTokens });
    const tokens = whole.slice(-(positions - room));
    return { text, tokens, isCut: tokens.length < whole.length };
  };
  return (document, answers) => {
    const [messages, texts, prompts]: [ChatMessage[], string[], Prompt[]] = [[], [], []];
    const { turns } = questions[document]!;
    const ask = (turn: number): Prompt => {
      messages.push({ role: 'user', content: turns[turn]! });
      return encode(writing.prompt(messages));
    };
    let next = ask(0);
    for (const [turn, written] of answers.entries()) {
      const text = writing.read(writtenText(tokenizer, next.tokens, written, writing), next.text);
      prompts.push(next);
      texts.push(text);
      messages.push({ role: 'assistant', content: text });
      if (turn + 1 < turns.length) next = ask(turn + 1);
    }
    return { texts, prompts, next };
  };
}

/** Writes the missing answers, all first turns before the second ones. */
async function writeAnswers(
  open: Documents<Answers>,
  conversations: Conversations,
  model: EvaluatedModel,
  signal: AbortSignal,
): Promise<void> {
  const { questions, writing } = conversations;
  const turns = Math.max(...questions.map((question) => question.turns.length));
  for (let turn = 0; turn < turns; turn++) {
    const waiting = open.missing.filter((document) => (open.outcomeOf(document)?.length ?? 0) === turn);
    const temperatures = new Set(waiting.map((document) => writing.temperature(questions[document]!)));
    for (const temperature of temperatures) {
      const documents = waiting.filter((one) => writing.temperature(questions[one]!) === temperature);
      await writeTurn(open, conversations, model, signal, { documents, turn, temperature });
    }
  }
}

interface Turn {
  readonly documents: readonly number[];
  readonly turn: number;
  readonly temperature: number;
}

async function writeTurn(
  open: Documents<Answers>,
  { writing, ends, questions, promptAfter }: Conversations,
  model: EvaluatedModel,
  signal: AbortSignal,
  { documents, turn, temperature }: Turn,
): Promise<void> {
  const { maxNewTokens, maxLength = Infinity, topK } = writing;
  const { tokenizer } = model;
  const prompts = documents.map((document) => promptAfter(document, open.outcomeOf(document)).tokens);
  const streams = documents.map((document) => `answer ${turn + 1} to question ${questions[document]!.id}`);
  await generate({
    ...model,
    signal,
    prompts,
    maxNewTokens,
    beams: 1,
    eosId: tokenizer.eosId,
    repetitionPenalty: writing.repetitionPenalty,
    noRepeatNgram: writing.noRepeatNgram,
    ...(temperature > 0 && { sampling: { temperature, topK, seed: SEED, streams } }),
    isComplete: holdsStop(tokenizer, writing.stops, ends),
    onEnd(place, tokens) {
      const document = documents[place]!;
      const room = Math.max(0, maxLength - prompts[place]!.length);
      return open.keep(document, [...(open.outcomeOf(document) ?? []), tokens.slice(0, room)]);
    },
  });
}
