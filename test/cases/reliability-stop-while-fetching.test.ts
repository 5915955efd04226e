// Regression test: SIGTERM and Ctrl-C were ignored before training, such as by a run that waits for a silent
// hub. Expected: the run ends with exit code 130 whatever it waits for, and leaves nothing half-written; a
// second signal ends it at once.
import { mkdtemp, readdir } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import type { TextTask } from '../../harness/data/examples/task.ts';
import { executePlan } from '../../harness/runs/execute/execute-plan.ts';
import { planRuns } from '../../harness/runs/plan/plan-runs.ts';
import { loadMethods, loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import { projectRoot } from '../../harness/support/project-root.ts';
import { mapInSlices } from '../../harness/support/interruptible.ts';
import { Interrupted } from '../../harness/training/loop/job.ts';
import { tinyRuns } from '../runs/tiny-run.ts';
import { commandLine } from '../cli/command-line.ts';

const { folder, request } = await tinyRuns();

const run = ['--task', 'e2e', '--method', 'red', '--seeds', '1', '--data', 'hub'];
const evaluation = ['eval', '--tasks', 'everyday-choices'];

test.skipIf(process.platform === 'win32').each([
  ['SIGTERM', run],
  ['SIGINT', run],
  ['SIGTERM', evaluation],
  ['SIGINT', [...evaluation, '--dry-run']],
] as const)('%s ends %j that waits for a silent hub', async (signal, command) => {
  let connected = (): void => undefined;
  const arrived = new Promise<void>((resolve) => (connected = resolve));
  const sockets = new Set<{ destroy(): void }>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    connected();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const results = await mkdtemp(join(folder, 'hub-'));
  const running = execa(
    process.execPath,
    [...[...commandLine, ...command, '--model', 'someone/tiny', '--results', results]],
    {
      cwd: projectRoot,
      reject: false,
      env: {
        HF_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        HF_HOME: await mkdtemp(join(folder, 'cache-')),
        DELTABENCH_DATA: undefined,
      },
    },
  );
  await Promise.race([arrived, running]);
  running.kill(signal);
  const { exitCode, stderr } = await running;
  expect([exitCode, stderr]).toEqual([
    130,
    expect.stringMatching(/^Stopped\.( The same command goes on from here\.)?$/m),
  ]);
  expect(await readdir(results)).toEqual([]);
});

test('what does not hear of a stop is not waited for', async () => {
  const tasks = await loadTasks();
  const endless: TextTask = { ...(tasks.get('e2e') as TextTask), load: () => new Promise(() => undefined) };
  const plan = await planRuns(request('endless'), await loadMethods(), new Map([...tasks, ['e2e', endless]]));
  const controller = new AbortController();
  const running = executePlan(plan, {
    signal: controller.signal,
    retryFailed: false,
    events: {
      onStart: () => undefined,
      onProgress: () => undefined,
      onEnd: () => undefined,
      onNote: () => undefined,
    },
  });
  controller.abort(new Interrupted('enough'));
  await expect(running).rejects.toThrow(Interrupted);
});

test('texts become tokens in slices, between which a stop is heard', async () => {
  const controller = new AbortController();
  let seen = 0;
  const encoding = mapInSlices(
    Array.from({ length: 1_000_000 }, (_, i) => i),
    (slice) => {
      seen += slice.length;
      return slice;
    },
    controller.signal,
  );
  setImmediate(() => {
    controller.abort(new Interrupted('enough'));
  });
  await expect(encoding).rejects.toThrow(Interrupted);
  expect(seen).toBeLessThan(1_000_000);
  expect(await mapInSlices([1, 2, 3], (slice) => slice.map((n) => 2 * n), undefined)).toEqual([2, 4, 6]);
});
