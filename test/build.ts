/**
 * Set-up of the e2e project: builds the package's JavaScript (`npm run build`) once for a test run, which every test
 * that starts the command line takes (test/cli/command-line.ts); a build that is newer than every source serves again.
 */
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { projectRoot } from '../harness/support/project-root.ts';

/** When the newest file below a folder was written; 0 where there is no folder. */
async function newest(folder: string): Promise<number> {
  const paths = await readdir(join(projectRoot, folder), { recursive: true }).catch(() => []);
  const times = paths.map(async (path) => (await stat(join(projectRoot, folder, path))).mtimeMs);
  return Math.max(0, ...(await Promise.all(times)));
}

export async function setup(): Promise<void> {
  const sources = await Promise.all(['harness', 'methods', 'tasks', 'evaluations'].map(newest));
  // Written last, so that a build that was broken off does not serve.
  const mark = join(projectRoot, 'dist', '.built');
  const built = await stat(mark).catch(() => undefined);
  if (built && built.mtimeMs > Math.max(...sources)) return;
  await execa('npm', ['run', '--silent', 'build'], { cwd: projectRoot });
  await writeFile(mark, '');
}
