/**
 * Puts description and examples before documents as lm-eval does, as one text or as a conversation in the
 * tokenizer's chat template. runs/evaluate uses it.
 */
import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../support/errors.ts';
import { PythonRandom } from '../data/random/python-random.ts';
import type { ChatMessage } from '../data/tokenizers/chat-template.ts';
import type {
  Alternative,
  ChoiceDocument,
  Evaluation,
  EvaluationData,
  EvaluationProtocol,
  Example,
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
  /** Description, examples and a question of the document, up to where the answer begins. */
  textOf(question: string): string;
  /** Whether a chat template writes the prompt, after which an answer begins without a space. */
  readonly isChat: boolean;
}

/** A document's alternatives, with description and examples in their contexts. */
export function alternativesOf({ textOf, isChat, document }: Prompt): Alternative[] {
  return document.alternatives.map(({ context, continuation }) => ({
    context: textOf(context),
    continuation: isChat ? continuation.replace(/^ /, '') : continuation,
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

/** Writes a conversation up to where the model's answer begins. */
export type ChatWriter = (messages: readonly ChatMessage[]) => string;

/** How the prompts of an evaluation are made. */
export interface PromptOptions {
  readonly protocol: EvaluationProtocol;
  /** The number of examples before each document. */
  readonly shots: number;
  /** Only the first documents; all where absent. */
  readonly limit?: number | undefined;
  /** Writes prompts as conversations; plain texts where absent. */
  readonly chat?: ChatWriter | undefined;
}

/** How many examples are drawn for each document; throws UsageError where the pool has too few. */
export function drawnExamples(
  { name, examples }: Pick<Evaluation, 'name' | 'examples'>,
  pool: number,
  shots: number,
): number {
  const drawn = shots + (examples === 'drawn-beside' && shots > 0 ? 1 : 0);
  if (drawn <= pool) return drawn;
  const most = pool - (drawn - shots);
  throw new UsageError(
    `--shots ${shots}: ${name} has ${pool} examples to take them from; give ${Math.max(0, most)} at most.`,
  );
}

/**
 * The first `limit` documents as prompts, by `chat` as conversations with a turn for each example; throws
 * UsageError where the pool has too few examples.
 */
export function promptsOf<Document extends { readonly example: Example }>(
  evaluation: Pick<Evaluation, 'name' | 'examples' | 'description'>,
  data: EvaluationData<Document>,
  shots: number,
  { protocol = 'lm-eval', limit = Infinity, chat }: Partial<Omit<PromptOptions, 'shots'>> = {},
): Prompt<Document>[] {
  const { description = '' } = evaluation;
  const { documents, pool } = data;
  const examplesFor = exampleDrawer(evaluation, data, shots, protocol);
  return documents.slice(0, limit).map((document, index) => {
    const chosen = examplesFor(index);
    const before = chosen.map((place) => pool[place]!.example);
    const textOf = chat ? conversation(description, before, chat) : plainText(description, before);
    return { index, document, examples: chosen, textOf, isChat: chat !== undefined };
  });
}

/** Makes a function that gives the examples of each document; it must be called for one after the other. */
function exampleDrawer(
  evaluation: Pick<Evaluation, 'name' | 'examples'>,
  { documents, pool, isSameRow }: EvaluationData<unknown>,
  shots: number,
  protocol: EvaluationProtocol,
): (document: number) => number[] {
  const { name, examples } = evaluation;
  const drawn = drawnExamples(evaluation, pool.length, shots);
  if (shots === 0) return () => [];
  if (examples === 'first') return () => Array.from({ length: shots }, (_, i) => i);
  const random = new PythonRandom(SEED);
  if (examples === 'drawn') return () => random.sample(pool.length, drawn);
  return (document) => {
    const isOther = (place: number): boolean =>
      isSameRow ? !isSameRow(document, place) : !isDeepStrictEqual(documents[document], pool[place]);
    const places = random.sample(pool.length, drawn).filter(isOther).slice(0, shots);
    // lm-eval draws again where several copies of the document were drawn; its state of 2024 took fewer.
    if (places.length === shots || protocol === 'lm-eval-2024' || protocol === 'red') return places;
    const others = Array.from(pool, (_, place) => place).filter(isOther);
    drawnExamples({ name, examples: 'drawn' }, others.length, shots);
    return random.sample(others.length, shots).map((place) => others[place]!);
  };
}

function plainText(description: string, examples: readonly Example[]): Prompt['textOf'] {
  const before = description + examples.map(({ question, answer }) => `${question} ${answer}\n\n`).join('');
  return (question) => before + question;
}

/** The description is the system's turn; each example is a user's and an assistant's (fewshot_as_multiturn). */
function conversation(description: string, examples: readonly Example[], chat: ChatWriter): Prompt['textOf'] {
  const before: ChatMessage[] = [
    ...(description === '' ? [] : [{ role: 'system' as const, content: description }]),
    ...examples.flatMap(({ question, answer }): ChatMessage[] => [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ]),
  ];
  return (question) => chat([...before, { role: 'user', content: question }]);
}
