// Tests of measuring GPU memory, with a script in place of nvidia-smi.
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import { watchDeviceMemory } from '../../../harness/runs/memory/device-memory.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

// The script prints what nvidia-smi prints, since only machines with NVIDIA's driver have the program.
test.skipIf(process.platform === 'win32')(
  'the highest sample of this process counts, in bytes, and no other’s',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
    const command = join(folder, 'nvidia-smi');
    const { pid } = process;
    const lines = [`${pid}, 512`, `${pid + 1}, 9000`, `${pid}, 1536`, `${pid}, [N/A]`, `${pid}, 700`];
    await writeFile(
      command,
      `#!/bin/sh\nprintf '${lines.join('\\n')}\\n'\necho done > '${folder}/done'\nexec sleep 60\n`,
    );
    await chmod(command, 0o755);
    vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
    const memory = await watchDeviceMemory();
    while (!existsSync(join(folder, 'done'))) await sleep(20);
    expect(await memory.stop()).toBe(1536 * 2 ** 20);
    await rm(folder, { recursive: true });
  },
);

test('nothing is said where nvidia-smi is not there', async () => {
  vi.stubEnv('PATH', '');
  expect(await (await watchDeviceMemory()).stop()).toBeUndefined();
});
