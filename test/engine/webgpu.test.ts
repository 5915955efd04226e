import { existsSync } from 'node:fs';
import { execa } from 'execa';
import { beforeAll, expect, test, type TestContext } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { fused, plain, runExample, type Results } from './programs.ts';

/** Where Debian's chromium-common has a software adapter, for machines without a GPU. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

let js: Engine;
let results: Record<string, Results> | undefined;
beforeAll(async () => {
  js = await createEngine({ name: 'js' });
  const software =
    !process.env.VK_ICD_FILENAMES && existsSync(SWIFTSHADER) ? { VK_ICD_FILENAMES: SWIFTSHADER } : {};
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    ['--import', 'tsx', 'test/engine/run-on.ts', 'webgpu'],
    { reject: false, env: software },
  );
  if (exitCode === 0) results = JSON.parse(stdout) as Record<string, Results>;
  else if (!stderr.includes('Failed to get a WebGPU adapter')) throw new Error(stderr);
}, 120_000);

test.for([...plain, ...fused])(
  'webgpu computes what js computes: $name',
  async (example, { skip }: TestContext) => {
    if (!results)
      return skip('no WebGPU adapter (Debian: chromium-common and libvulkan1 bring a software one)');
    const expected = await runExample(js, example);
    for (const part of ['outputs', 'state'] as const) {
      for (const [key, values] of Object.entries(expected[part])) {
        expect(results[example.name]![part][key], key).toBeAllclose(values, { rtol: 1e-5, atol: 2e-6 });
      }
    }
  },
);
