/** Reads texts to pretrain on from the user's files. runs/pretrain uses it. */
import { z } from 'zod';
import { UsageError } from '../../support/errors.ts';
import { readBytes } from '../../support/read-files.ts';
import type { Document } from './documents.ts';

const text = z.string().regex(/\S/, 'is empty');
const line = z.union([z.strictObject({ text }), z.strictObject({ input: text, target: text })]);

/**
 * The documents of a file: of .jsonl lines of {"text"} or {"input", "target"}, of a plain text its paragraphs
 * between blank lines. Throws UsageError where a line has another form or there is no document.
 */
export async function readDocuments(path: string): Promise<Document[]> {
  const bytes = await readBytes(path);
  let content: string;
  try {
    content = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UsageError(`${path} is not UTF-8 text; convert it first.`);
  }
  const documents = path.endsWith('.jsonl') ? parseLines(path, content) : splitText(content);
  if (documents.length === 0) throw new UsageError(`${path} holds no text.`);
  return documents;
}

/** The documents of a plain text. Line ends within one are taken for wrapping and become spaces. */
export function splitText(content: string): Document[] {
  return content
    .split(/\r?\n(?:[^\S\n]*\r?\n)+/)
    .map((part) => part.trim().replace(/\s*\n\s*/g, ' '))
    .filter((part) => part !== '')
    .map((part) => ({ text: part }));
}

function parseLines(path: string, content: string): Document[] {
  return content.split('\n').flatMap((row, i) => {
    if (row.trim() === '') return [];
    let json: unknown;
    try {
      json = JSON.parse(row);
    } catch {
      throw new UsageError(`${path}, line ${i + 1} is not JSON.`);
    }
    const parsed = line.safeParse(json);
    if (parsed.success) return [parsed.data];
    throw new UsageError(
      `${path}, line ${i + 1} must be {"text": …} or {"input": …, "target": …}, each a text that is not empty.`,
    );
  });
}
