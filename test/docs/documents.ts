/** The documents that people read, and what the tests look for in them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '../../harness/support/project-root.ts';

export interface Document {
  /** From the project's root. */
  path: string;
  text: string;
}

/** Every Markdown file but those that programs write. */
export async function documents(): Promise<Document[]> {
  const paths = ['README.md', 'CONTRIBUTING.md', 'results/README.md', 'reports/README.md'];
  for (const folder of ['docs', 'findings', 'harness', 'test']) {
    const below = await readdir(join(projectRoot, folder), { recursive: true });
    paths.push(...below.filter((path) => path.endsWith('.md')).map((path) => join(folder, path)));
  }
  const read = paths.filter((path) => !path.startsWith(join('docs', 'api')));
  return Promise.all(
    read.map(async (path) => ({ path, text: await readFile(join(projectRoot, path), 'utf8') })),
  );
}

export interface Example {
  /** What comes behind `npm run bench --`, as the shell splits it. */
  args: string[];
  /** The word after `sh` at the fence; empty where the command runs as it stands. */
  needs: string;
  /** The block without a language that follows, without the last line's end. */
  output: string | undefined;
}

/** Every command of the command line in blocks of `sh`. */
export function examples({ text }: Document): Example[] {
  const blocks = text.matchAll(/^```sh ?(\S*)\n([^]*?)^```$(?:\n\n```\n([^]*?)\n```$)?/gm);
  return [...blocks].flatMap(([, needs = '', code = '', output]) => {
    const commands = [...code.matchAll(/^.*\bnpm run (?:-s )?bench -- (.*?)(?: {2,}#.*)?$/gm)];
    return commands.map(([, line = '']) => ({ args: line.split(/ +/), needs, output }));
  });
}
