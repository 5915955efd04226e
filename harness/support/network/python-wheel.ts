/** Brings wheels of PyPI through pip, for the data that some of them hold; METEOR and AlpacaEval need one each. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { withoutSecrets } from './addresses.ts';
import { makeFolder } from '../atomic-files.ts';
import { UsageError } from '../errors.ts';
import { loadExeca } from '../load-execa.ts';
import { readBytes } from '../read-files.ts';

/**
 * Downloads the wheel of a pure Python package, such as `pycocoevalcap==1.2`, by way of a folder below `folder`;
 * gives its bytes. Throws UsageError where pip fails.
 */
export async function downloadWheel(requirement: string, folder: string): Promise<Buffer> {
  await makeFolder(folder);
  const own = await mkdtemp(join(folder, 'wheel-'));
  try {
    const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', own, requirement];
    const execa = await loadExeca();
    const { failed, code, stderr } = await execa('python3', pip, { reject: false });
    if (!failed) return await readBytes(join(own, `${requirement.replace('==', '-')}-py3-none-any.whl`));
    // There is no standard error if pip could not be started.
    const lines = (stderr as string | undefined)?.trim().split('\n');
    const said = lines?.findLast((line) => /error/i.test(line));
    // Pip prints its index, whose address may contain a password.
    const why = withoutSecrets(said ?? code ?? 'it says nothing');
    throw new UsageError(
      `python3 -m pip cannot bring ${requirement}: ${why}. Get its wheel elsewhere and give it with --file.`,
    );
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}
