/**
 * How an instruction and its answer become token ids, as the programs of papers encode them: prompt and answer
 * are encoded as one text and parted at the number of tokens that the prompt has by itself. Tasks that follow
 * instructions use it as their `encode`.
 */
import { UsageError } from '../../support/errors.ts';
import type { ChatMessage } from '../tokenizers/chat-template.ts';
import type { Tokenizer } from '../tokenizers/tokenizer.ts';
import { textTemplates, type Instruction, type Phase, type TemplateName } from './prompt-templates.ts';
import type { TextPair, TokenPair, Writing } from './task.ts';

/** Marks where the text stands in the tokenizer's template; no token has this id. */
const TEXT = -1;

/** The template where none is asked for. */
const usual: TemplateName = 'pyreft';

/** An instruction as the input of a pair: alone, or with the text that it is about. */
export function toInput({ instruction, input }: Instruction): TextPair['input'] {
  return input === '' ? instruction : [instruction, input];
}

function toInstruction(input: TextPair['input']): Instruction {
  const [instruction = '', about = ''] = typeof input === 'string' ? [input] : input;
  return { instruction, input: about };
}

/**
 * Encodes an instruction by a template. Prompt, answer and both together are cut on the right, so that of a
 * long example the end token goes first. The target is empty for a test input. Throws UsageError where the
 * tokenizer has no end token, or no chat template that writes an answer after its prompt.
 */
export function encodeInstruction(
  input: TextPair['input'],
  target: string | undefined,
  tokenizer: Tokenizer,
  { promptLength, targetLength, length = Infinity, template = usual }: Writing,
): TokenPair {
  const asked = toInstruction(input);
  const { prompt, whole } =
    template === 'chat'
      ? chatTokens(asked, target, tokenizer)
      : textTokens(asked, target, tokenizer, template);
  const kept = (whole ?? prompt).slice(0, prompt.length).slice(0, promptLength);
  if (!whole) return { prompt: kept, target: [] };
  const answer = whole.slice(prompt.length);
  const room = Math.max(0, Math.min(targetLength, length - kept.length));
  // LLM-Adapters adds the end token where the text leaves room for it; method_comparison's padding is one always.
  if (template === 'llm-adapters' && whole.length < length) answer.push(endOf(tokenizer).id);
  if (template === 'metamath') answer.splice(Math.max(0, room - 1), Infinity, endOf(tokenizer).id);
  return { prompt: kept, target: answer.slice(0, room) };
}

/** Tokens of a prompt, and of prompt and answer as one text; `whole` is absent for a test input. */
interface Encoded {
  readonly prompt: number[];
  readonly whole?: number[];
}

function textTokens(
  asked: Instruction,
  target: string | undefined,
  tokenizer: Tokenizer,
  template: Exclude<TemplateName, 'chat'>,
): Encoded {
  const { prompt, answer } = textTemplates[template];
  const phase: Phase = target === undefined ? 'testing' : 'training';
  const text = prompt(asked, phase);
  const around = tokenizer.template([[TEXT]]).ids;
  const begin = around.slice(0, around.indexOf(TEXT));
  const encode = (text: string): number[] => [...begin, ...tokenizer.encode(text)];
  if (target === undefined) return { prompt: encode(text) };
  return { prompt: encode(text), whole: encode(text + answer(target, endOf(tokenizer).text)) };
}

/** The chat template writes its own first and end tokens. */
function chatTokens(asked: Instruction, target: string | undefined, tokenizer: Tokenizer): Encoded {
  const { instruction, input } = asked;
  const question: ChatMessage = {
    role: 'user',
    content: input === '' ? instruction : `${instruction}\n\n${input}`,
  };
  const text = tokenizer.chat([question]);
  const prompt = tokenizer.encode(text);
  if (target === undefined) return { prompt };
  const whole = tokenizer.chat([question, { role: 'assistant', content: target }], { asksForAnswer: false });
  if (!whole.startsWith(text)) {
    throw new UsageError(
      'template=chat: the chat template writes an answered question otherwise than the question alone, so that ' +
        'an answer cannot be learnt after its prompt; choose another template (see: list recipes).',
    );
  }
  return { prompt, whole: tokenizer.encode(whole) };
}

function endOf(tokenizer: Tokenizer): { readonly id: number; readonly text: string } {
  const id = tokenizer.eosId;
  if (id === undefined)
    throw new UsageError('The tokenizer names no end token, so that no answer could end.');
  return { id, text: tokenizer.decode([id], { skipSpecialTokens: false }) };
}
