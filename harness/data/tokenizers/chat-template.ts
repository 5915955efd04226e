/** Chat templates: a tokenizer's Jinja text that writes a conversation as the model's training had it. */
import { isUtf8 } from 'node:buffer';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { messageOf, UsageError } from '../../support/errors.ts';
import { isObject } from '../../support/json/json-object.ts';
import { isFile, readBytes } from '../../support/read-files.ts';
import { callPythonStrips, pythonStrips } from './python-strips.ts';

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** The largest chat_template.jinja that is read; real ones have a few kilobytes. */
const MOST_BYTES = 1 << 20;

/**
 * Reads the chat template of a tokenizer's folder: chat_template.jinja, else the setting of
 * tokenizer_config.json; undefined where the folder has none. Throws UsageError where the file is too large or
 * no UTF-8 text.
 */
export async function readChatTemplate(folder: string, setting: unknown): Promise<string | undefined> {
  const path = join(folder, 'chat_template.jinja');
  if (!(await isFile(path))) return chatTemplateOf(setting);
  const bytes = await readBytes(path);
  if (bytes.length > MOST_BYTES)
    throw new UsageError(`${path} has ${bytes.length} bytes, which is no chat template; get the file again.`);
  if (!isUtf8(bytes)) throw new UsageError(`${path} is not UTF-8 text; get the file again.`);
  return bytes.toString();
}

/**
 * Returns the template in the setting `chat_template` of tokenizer_config.json: the setting itself if it is a
 * text, or the entry named `default` if it is a list.
 */
function chatTemplateOf(setting: unknown): string | undefined {
  const isDefault = (entry: unknown): boolean => isObject(entry) && entry.name === 'default';
  const entry: unknown = Array.isArray(setting) ? setting.find(isDefault) : undefined;
  const template = isObject(entry) ? entry.template : setting;
  return typeof template === 'string' ? template : undefined;
}

/** How a conversation is written. */
export interface ChatOptions {
  /**
   * Whether the text ends where the model's answer begins (transformers' add_generation_prompt), which it does
   * where absent.
   */
  readonly asksForAnswer?: boolean;
}

/**
 * Writes a conversation, as transformers' apply_chat_template does. Throws UsageError where the template is
 * broken or refuses the conversation.
 */
export function renderChat(
  template: string,
  messages: readonly ChatMessage[],
  specialTokens: Readonly<Record<string, string>>,
  { asksForAnswer = true }: ChatOptions = {},
): string {
  try {
    const parsed = new Template(template);
    callPythonStrips(parsed.parsed);
    return parsed.render({
      ...pythonStrips,
      ...specialTokens,
      messages,
      add_generation_prompt: asksForAnswer,
      // transformers gives these to every template, which may ask whether they are none.
      tools: null,
      documents: null,
    });
  } catch (error) {
    throw new UsageError(`The tokenizer's chat template does not work: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}
