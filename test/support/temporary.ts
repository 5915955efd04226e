import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, onTestFinished, vi } from 'vitest';

/** A new folder that is removed when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Gives the tests of a file a cache of their own, which is removed after the last one. */
export function useTemporaryCache(): void {
  let cache: string;
  beforeAll(async () => {
    cache = await mkdtemp(join(tmpdir(), 'deltabench-cache-'));
    vi.stubEnv('DELTABENCH_CACHE', cache);
  });
  afterAll(() => rm(cache, { recursive: true }));
}
