// Chat templates against transformers' apply_chat_template (golden/make-chat-templates.py), and where they are read.
import { readFileSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { renderChat, type ChatMessage } from '../../../harness/data/tokenizers/chat-template.ts';
import { loadTokenizer } from '../../../harness/data/tokenizers/tokenizer.ts';
import { builtinFolder } from '../../../harness/models/bases/built-in.ts';
import { UsageError } from '../../../harness/support/errors.ts';
import { temporaryFolder } from '../../support/temporary.ts';

interface Row {
  readonly template: string;
  readonly source: string;
  readonly conversation: string;
  readonly asks: boolean;
  readonly text?: string;
  readonly error?: string;
}
const { tokens, conversations, rows } = JSON.parse(
  readFileSync(new URL('../../golden/chat-templates.json', import.meta.url), 'utf8'),
) as {
  tokens: Record<string, string>;
  conversations: Record<string, ChatMessage[]>;
  rows: Row[];
};

test.each(rows)("$template, $conversation, asks $asks: transformers' text", (row) => {
  const render = () =>
    renderChat(row.source, conversations[row.conversation]!, tokens, { asksForAnswer: row.asks });
  if (row.error === undefined) expect(render()).toBe(row.text);
  else expect(render).toThrow(`The tokenizer's chat template does not work: ${row.error}.`);
});

describe('where a template is read', () => {
  const question = [{ role: 'user', content: 'Hi' }] as const;
  async function withFiles(files: Readonly<Record<string, string | Buffer>>) {
    const folder = await temporaryFolder();
    await cp(join(builtinFolder('llama-mini'), 'tokenizer.json'), join(folder, 'tokenizer.json'));
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    return loadTokenizer(folder);
  }
  const config = (template: unknown): string => JSON.stringify({ chat_template: template });

  test('chat_template.jinja goes before tokenizer_config.json, of whose list the default is taken', async () => {
    const own = '{{ messages[0].content }}!';
    const listed = [
      { name: 'rag', template: 'rag' },
      { name: 'default', template: '{{ messages[0].content }}?' },
    ];
    const both = await withFiles({ 'chat_template.jinja': own, 'tokenizer_config.json': config('other') });
    expect([both.chatTemplate, both.chat(question)]).toEqual([own, 'Hi!']);
    const list = await withFiles({ 'tokenizer_config.json': config(listed) });
    expect(list.chat(question)).toBe('Hi?');
    const none = await withFiles({ 'tokenizer_config.json': config([{ name: 'rag', template: 'rag' }]) });
    expect(none.chatTemplate).toBeUndefined();
    expect(() => none.chat(question)).toThrow(/has no chat template .* Take a base that was tuned/);
  });

  test('a file that is no template is refused', async () => {
    const large = withFiles({ 'chat_template.jinja': Buffer.alloc((1 << 20) + 1, 'a') });
    await expect(large).rejects.toThrow(/1048577 bytes, which is no chat template/);
    const bytes = withFiles({ 'chat_template.jinja': Buffer.from([0xff, 0xfe, 0x00]) });
    await expect(bytes).rejects.toThrow(UsageError);
  });

  test("the tokenizer's identity does not hang on the template, which records have beside it", async () => {
    const plain = await withFiles({});
    expect((await withFiles({ 'chat_template.jinja': 'x' })).hash).toBe(plain.hash);
  });
});
