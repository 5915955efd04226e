import { Template } from '@huggingface/jinja';
import { UsageError, messageOf } from '../../support/errors.ts';

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/**
 * The text of a conversation that the model's answer follows, by a tokenizer's `chat_template` (Jinja, as transformers'
 * apply_chat_template with add_generation_prompt). Throws UsageError where the template cannot be read or refuses the
 * conversation.
 */
export function renderChat(
  template: string,
  messages: readonly ChatMessage[],
  specialTokens: Readonly<Record<string, string>>,
): string {
  try {
    return new Template(template).render({
      ...specialTokens,
      messages,
      add_generation_prompt: true,
    });
  } catch (error) {
    const why = messageOf(error);
    throw new UsageError(`The tokenizer's chat template does not work: ${why}.`, { cause: error });
  }
}
