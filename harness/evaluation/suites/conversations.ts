/** Conversations as plain text, and built-in ones, for the evaluations whose answers are judged. */
import { builtinRequests } from '../../data/sets/instructions/synthetic/requests.ts';
import type { ChatMessage } from '../../data/tokenizers/chat-template.ts';
import type { QuestionDocument } from '../evaluation.ts';

const speakers = { system: 'System', user: 'Human', assistant: 'Assistant' } as const;

/** RED's form, in which it was trained: `Human: …\n\nAssistant: `, up to where the next answer begins. */
export function humanAssistant(messages: readonly ChatMessage[]): string {
  const turns = messages.map(({ role, content }) => `${speakers[role]}: ${content}`);
  return [...turns, `${speakers.assistant}: `].join('\n\n');
}

/** MT-Bench's categories, in the order of its file. */
const categories = 'writing roleplay reasoning math coding extraction stem humanities'.split(' ');

/** How many conversations of each category are built in. */
const EACH = 5;

/**
 * Conversations of so many turns on the built-in requests, with the answers that follow from them. They rehearse
 * what reads and judges conversations; the categories are but names.
 */
export function builtinConversations(turns: number): QuestionDocument[] {
  const requests = builtinRequests().test;
  return Array.from({ length: EACH * categories.length }, (_, id) => {
    const own = requests.slice(id * turns, (id + 1) * turns);
    return {
      id,
      category: categories[Math.floor(id / EACH)]!,
      turns: own.map(({ instruction, input }) => (input === '' ? instruction : `${instruction}\n${input}`)),
      reference: { model: 'built-in', turns: own.map(({ output }) => output) },
    };
  });
}
