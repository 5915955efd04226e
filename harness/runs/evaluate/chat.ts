/** The chat template of `bench eval --chat-template`. plan-evaluations.ts uses it. */
import type { ChatMessage } from '../../data/tokenizers/chat-template.ts';
import type { Tokenizer } from '../../data/tokenizers/tokenizer.ts';
import type { Evaluation, EvaluationProtocol } from '../../evaluation/evaluation.ts';
import type { ChatWriter } from '../../evaluation/prompts.ts';
import { UsageError } from '../../support/errors.ts';
import { sha256 } from '../../support/hash.ts';

/** What writes prompts as conversations, and the sha256 of its template. */
export interface Chat {
  readonly write: ChatWriter;
  readonly hash: string;
}

/** Throws UsageError where an evaluation by its protocol has a form of its own, which no template changes. */
export function checkChatTemplate({ name, ...evaluation }: Evaluation, protocol: EvaluationProtocol): void {
  // Answers that are judged may be asked for in any form.
  if (evaluation.kind === 'answers') return;
  if (protocol !== 'lm-eval')
    throw new UsageError(
      `--chat-template: ${name} by the protocol ${protocol} has prompts of its own; templates are for lm-eval's. ` +
        'Leave it out.',
    );
  if (evaluation.kind === 'choices' && evaluation.encode)
    throw new UsageError(
      `--chat-template: ${name} is encoded as its task trains; leave the template out for this one.`,
    );
}

/** Opens the tokenizer's template; throws UsageError where it has none. */
export function openChat(id: string, tokenizer: Tokenizer): Chat {
  const { chatTemplate } = tokenizer;
  if (chatTemplate === undefined)
    throw new UsageError(
      `--chat-template: the tokenizer of ${id} has none (chat_template.jinja, or chat_template in ` +
        'tokenizer_config.json). Leave it out, or take a base that was tuned for conversations.',
    );
  return { hash: sha256(chatTemplate), write: (messages) => write(messages, tokenizer.chat) };
}

/** Like lm-eval, goes without the system's turn where the template refuses it. */
function write(messages: readonly ChatMessage[], chat: ChatWriter): string {
  const others = messages.filter(({ role }) => role !== 'system');
  if (others.length === messages.length) return chat(messages);
  try {
    return chat(messages);
  } catch (error) {
    if (error instanceof UsageError) return chat(others);
    throw error;
  }
}
