/** The engine on WebGPU, in a process of its own; skipped where there is no adapter. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test, type TestContext } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { noAdapter, webgpuEnvironment } from '../engines.ts';
import { fused, plain, runExample, type Results } from './programs.ts';
import { commandLine } from '../cli/command-line.ts';

const results = await mkdtemp(join(tmpdir(), 'deltabench-test-'));
afterAll(() => rm(results, { recursive: true, force: true }));

let js: Engine;
interface Steps {
  readonly losses: number[];
  readonly w: number[];
}
interface Answer {
  readonly results: Record<string, Results>;
  readonly limit: string;
  readonly broken: string;
  readonly staying: Steps;
  readonly crossing: Steps;
  readonly grown: number;
}
let answer: Answer | undefined;
beforeAll(async () => {
  js = await createEngine({ name: 'js' });
  const { exitCode, stdout, stderr } = await execa(
    process.execPath,
    ['--import', 'tsx', 'test/engine/run-on.ts', 'webgpu'],
    { reject: false, env: webgpuEnvironment },
  );
  if (exitCode === 0) answer = JSON.parse(stdout) as Answer;
  else if (!stderr.includes(noAdapter.says)) throw new Error(stderr);
});

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
    "DeviceLimitError: the program large needs a larger buffer than webgpu's adapter has; " +
      'its largest tensor is the result of Mul [60000, 60000], 13.41 GiB. ' +
      'A smaller model or batch may fit, and --device cpu has no such limit',
  );
});

test('a logit that is NaN makes a loss that is NaN', ({ skip }) => {
  if (!answer) return skip(noAdapter.reason);
  expect(answer.broken).toBe('NaN');
});

test('state stays in buffers: the same bits as through the host, and no buffer is left behind', ({
  skip,
}) => {
  if (!answer) return skip(noAdapter.reason);
  expect(answer.staying).toEqual(answer.crossing);
  expect(answer.staying.losses).toHaveLength(20);
  expect(new Set(answer.staying.losses).size).toBe(20);
  // 300 steps make 600 MiB of new state.
  expect(answer.grown).toBeLessThan(150 * 2 ** 20);
});

test('an adapter without half precision says so', async ({ skip }) => {
  if (!answer) return skip(noAdapter.reason);
  const { stderr, exitCode } = await execa(
    process.execPath,
    [
      ...commandLine,
      '--task',
      'e2e',
      '--method',
      'red',
      '--device',
      'webgpu',
      '--precision',
      'float16',
      '--seeds',
      '42',
      '--limit',
      '4',
      '--max-steps',
      '1',
      '--set',
      'maxNewTokens=1',
      '--results',
      results,
    ],
    { reject: false, env: webgpuEnvironment },
  );
  // Nothing is wrong where the adapter has half precision.
  if (exitCode === 0) return;
  expect(exitCode).toBe(2);
  expect(stderr.trim().split('\n').at(-1)).toBe(
    "error: The engine onnx does not run on webgpu: webgpu's adapter has no half precision; " +
      'leave out --precision float16. "doctor" says what works here.',
  );
});
