/** Links within the project lead to a file, and to a heading of it; every path that a document names is there. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../harness/support/project-root.ts';
import { documents } from './documents.ts';

/** The anchors that GitHub gives a document's headings. */
function anchors(text: string): string[] {
  const headings = [...text.replace(/^```[^]*?^```$/gm, '').matchAll(/^#+ (.*)$/gm)];
  return headings.map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

const all = await documents();

test.each(all)('links of $path', async ({ path, text }) => {
  const prose = text.replace(/^```[^]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');
  for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file = '', anchor] = target.split('#');
    const there = file === '' ? path : join(dirname(path), file);
    expect(existsSync(join(projectRoot, there)), target).toBe(true);
    if (anchor !== undefined)
      expect(anchors(await readFile(join(projectRoot, there), 'utf8'))).toContain(anchor);
  }
});

test.each(all)('paths in $path', ({ text }) => {
  for (const [, path = ''] of text.matchAll(/`((?:harness|methods|tasks|evaluations|test)\/[\w./-]*)`/g))
    expect(existsSync(join(projectRoot, path)), path).toBe(true);
});
