import { execa } from 'execa';
import { beforeAll, expect, test, type TestContext } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { noAdapter, webgpuEnvironment } from '../engines.ts';
import { fused, plain, runExample, type Results } from './programs.ts';

let js: Engine;
let answer: { results: Record<string, Results>; limit: string } | undefined;
beforeAll(async () => {
  js = await createEngine({ name: 'js' });
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    ['--import', 'tsx', 'test/engine/run-on.ts', 'webgpu'],
    { reject: false, env: webgpuEnvironment },
  );
  if (exitCode === 0) answer = JSON.parse(stdout) as typeof answer;
  else if (!stderr.includes(noAdapter.says)) throw new Error(stderr);
}, 300_000);

test.for([...plain, ...fused])(
  'webgpu computes what js computes: $name',
  async (example, { skip }: TestContext) => {
    if (!answer) return skip(noAdapter.reason);
    const expected = await runExample(js, example);
    for (const part of ['outputs', 'state'] as const) {
      for (const [key, values] of Object.entries(expected[part])) {
        expect(answer.results[example.name]![part][key], key).toBeAllclose(values, {
          rtol: 1e-5,
          atol: 2e-6,
        });
      }
    }
  },
);

test('a tensor that no buffer of the adapter holds is named', ({ skip }) => {
  if (!answer) return skip(noAdapter.reason);
  expect(answer.limit).toBe(
    "DeviceLimitError: the program large needs a larger buffer than webgpu's adapter has; its largest tensor is the result of Mul [60000, 60000], 13.41 GiB. A smaller model or batch may fit, and --device cpu has no such limit",
  );
});
