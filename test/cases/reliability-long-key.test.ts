// Regression test: a key of 300 characters in pyreft's config.json made a file name that the system refuses
// (ENAMETOOLONG), an unexpected error. Expected: a UsageError names the file, whatever error the system
// reports.
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { readBytes, withFile } from '../../harness/support/read-files.ts';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { temporaryFolder } from '../support/temporary.ts';

async function refuses(path: string, why: RegExp): Promise<void> {
  await expect(readBytes(path)).rejects.toThrow(UsageError);
  await expect(readBytes(path)).rejects.toThrow(why);
}

describe('a file that the system does not read', () => {
  it('is named: a key of 300 characters in a folder of pyreft', async () => {
    const folder = await temporaryFolder();
    const key = `layer_0_comp_block_output_unit_pos_nunit_1#${'0'.repeat(257)}`;
    const config = {
      intervention_types: ["<class 'pyreft.interventions.LoreftIntervention'>"],
      representations: [[0, 'block_output', 'pos', 1, 2, null]],
      sorted_keys: [key],
    };
    await writeFile(join(folder, 'config.json'), JSON.stringify(config));
    const base = await loadBase('random-gpt2~layers=1,width=8,heads=2,vocab=50');
    const message = `${join(folder, `intkey_${key}.bin`)} cannot be read: its name is too long.`;
    await expect(readAdapter(folder, base)).rejects.toThrow(message);
    await expect(readAdapter(folder, base)).rejects.toThrow(UsageError);
  });

  it('is named: links in a circle, a character of no name, a file in place of a folder', async () => {
    const folder = await temporaryFolder();
    await symlink('b', join(folder, 'a'));
    await symlink('a', join(folder, 'b'));
    await writeFile(join(folder, 'file'), '');
    await mkdir(join(folder, 'folder'));
    await refuses(join(folder, 'a'), /\/a cannot be read: its symbolic links lead in a circle\.$/);
    await refuses(`${folder}/\0`, /cannot be read: .*null bytes\.$/);
    await refuses(join(folder, 'file', 'x'), /^There is no file .*\/file\/x\.$/);
    await refuses(join(folder, 'folder'), /\/folder is a folder, not a file\.$/);
  });

  it.skipIf(process.getuid?.() === 0)('is named: one without permission', async () => {
    const path = join(await temporaryFolder(), 'secret');
    await writeFile(path, '');
    await chmod(path, 0);
    await refuses(path, /secret cannot be read: permission denied\.$/);
  });

  it('is named where reading itself fails', async () => {
    const path = join(await temporaryFolder(), 'file');
    await writeFile(path, 'text');
    const broken = (syscall: string) =>
      Object.assign(new Error(`EIO: i/o error, ${syscall}`), { code: 'EIO', syscall });
    const reading = withFile(path, () => Promise.reject(broken('read')));
    await expect(reading).rejects.toThrow(
      `${path} cannot be read: the disk or the network drive reports an error.`,
    );
    await expect(reading).rejects.toThrow(UsageError);
    // Errors of other system calls do not concern this file.
    await expect(withFile(path, () => Promise.reject(broken('write')))).rejects.toThrow(
      /^EIO: i\/o error, write$/,
    );
  });
});
