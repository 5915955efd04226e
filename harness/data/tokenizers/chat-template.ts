/** Chat templates: a tokenizer's Jinja text that writes a conversation as the model's training had it. */
import { Template } from '@huggingface/jinja';
import { messageOf, UsageError } from '../../support/errors.ts';
import { isObject } from '../../support/json/json-object.ts';

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/**
 * Returns the template in the setting `chat_template` of tokenizer_config.json: the setting itself if it is a
 * text, or the entry named `default` if it is a list.
 */
export function chatTemplateOf(setting: unknown): string | undefined {
  const isDefault = (entry: unknown): boolean => isObject(entry) && entry.name === 'default';
  const entry: unknown = Array.isArray(setting) ? setting.find(isDefault) : undefined;
  const template = isObject(entry) ? entry.template : setting;
  return typeof template === 'string' ? template : undefined;
}

/**
 * Writes a conversation up to where the model's answer begins, as transformers' apply_chat_template does with
 * add_generation_prompt. Throws UsageError where the template is broken or refuses the conversation.
 */
export function renderChat(
  template: string,
  messages: readonly ChatMessage[],
  specialTokens: Readonly<Record<string, string>>,
): string {
  try {
    return new Template(template).render({ ...specialTokens, messages, add_generation_prompt: true });
  } catch (error) {
    throw new UsageError(`The tokenizer's chat template does not work: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}
