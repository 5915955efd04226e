/** What the CUDA provider misses, how to get it, and what its installer refuses. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import {
  describeMissing,
  missingLibraries,
  onnxruntimeFolder,
  parseLibraries,
} from '../../../harness/engine/setup/cuda-provider.ts';
import { projectRoot } from '../../../harness/support/project-root.ts';
import { commandLine } from '../../cli/command-line.ts';

test('ldd tells which of a provider’s libraries the system finds', () => {
  const found = parseLibraries(
    [
      '\tlinux-vdso.so.1 (0x00007ffd)',
      '\tlibcublas.so.13 => not found',
      '\tlibc.so.6 => /lib/libc.so.6 (0x00007f36)',
      '\t/lib64/ld-linux-x86-64.so.2 (0x00007f37)\n',
    ].join('\n'),
  );
  expect([...found]).toEqual([
    ['libcublas.so.13', false],
    ['libc.so.6', true],
  ]);
});

test('a missing library has a name and a way to get it, by the CUDA version', () => {
  const names = ['libcuda.so.1', 'libcublas.so.13', 'libcublasLt.so.13', 'libcudnn.so.9', 'libelse.so.1'];
  const { list, remedy } = describeMissing(names, 13)!;
  expect(list).toBe(
    'libcuda.so.1 (the NVIDIA driver), libcublas.so.13 (cuBLAS), libcublasLt.so.13 (cuBLASLt), ' +
      'libcudnn.so.9 (cuDNN), libelse.so.1',
  );
  expect(remedy).toMatch(
    /^install an NVIDIA driver for CUDA 13; pip install 'nvidia-cublas==13\.\*' 'nvidia-cudnn-cu13==9\.\*'; /,
  );
  expect(remedy).toContain("'nvidia-cudnn-cu13==9.*'; export LD_LIBRARY_PATH=");
  expect(describeMissing(['libcufft.so.11', 'libcudart.so.12'], 12)!.remedy).toContain(
    "pip install 'nvidia-cufft-cu12==11.*' 'nvidia-cuda-runtime-cu12==12.*';",
  );
  expect(describeMissing(['libcuda.so.1'], undefined)!.remedy).toBe('install an NVIDIA driver');
  expect(describeMissing([], 13)).toBeUndefined();
});

test.skipIf(process.platform !== 'linux')('what needs nothing of NVIDIA’s misses at most cuDNN', async () => {
  const missing = await missingLibraries(process.execPath);
  expect([undefined, 'libcudnn.so.9 (cuDNN)']).toContain(missing?.list);
});

test.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
  'setup cuda refuses a wheel of other contents and a CUDA version that it does not know, and leaves nothing behind',
  async () => {
    const wheel = await mkdtemp(join(tmpdir(), 'deltabench-'));
    const capi = join(wheel, 'onnxruntime/capi');
    await mkdir(capi, { recursive: true });
    for (const part of ['shared', 'cuda'])
      await writeFile(join(capi, `libonnxruntime_providers_${part}.so`), 'no library');
    const setup = (...args: string[]): Promise<{ exitCode?: number; stderr: string }> =>
      execa(process.execPath, [...commandLine, 'setup', 'cuda', ...args], {
        cwd: projectRoot,
        reject: false,
      });
    const before = await readdir(onnxruntimeFolder());
    const refused = await setup('--wheel', wheel);
    expect(refused).toMatchObject({
      exitCode: 2,
      stderr:
        `error: ${capi} does not hold libonnxruntime_providers_shared.so ` +
        'as it is in onnxruntime-gpu==1.30.0 (by its sha256).',
    });
    expect(await readdir(onnxruntimeFolder())).toEqual(before);
    const wrong = await setup('--cuda', '11');
    expect(wrong.exitCode).toBe(2);
    expect(wrong.stderr).toMatch(/^error: --cuda takes 12/);
    await rm(wheel, { recursive: true });
  },
);
