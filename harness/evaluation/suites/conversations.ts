/** Conversations as plain text, for the evaluations whose answers are judged. */
import type { ChatMessage } from '../../data/tokenizers/chat-template.ts';

const speakers = { system: 'System', user: 'Human', assistant: 'Assistant' } as const;

/** RED's form, in which it was trained: `Human: …\n\nAssistant: `, up to where the next answer begins. */
export function humanAssistant(messages: readonly ChatMessage[]): string {
  const turns = messages.map(({ role, content }) => `${speakers[role]}: ${content}`);
  return [...turns, `${speakers.assistant}: `].join('\n\n');
}
