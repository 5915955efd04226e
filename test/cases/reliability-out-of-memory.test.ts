// Regression test: a run that the system killed (SIGKILL) for its memory ended the sweep and came first
// again. Expected: a cell killed before it saved anything is named, comes last in its own process and, killed
// again, is a failed record that names memory as the likely reason and the need; status names it too.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { lacksMemory, lostProcess } from '../../harness/runs/execute/out-of-memory.ts';
import { heartbeat, tryLock, type Owner } from '../../harness/records/locks/file-lock.ts';
import type { RunRecord } from '../../harness/records/record.ts';
import { evaluate } from '../../harness/runs/evaluate/evaluate.ts';
import { planEvaluations, type EvaluateRequest } from '../../harness/runs/evaluate/plan-evaluations.ts';
import { resultsStatus } from '../../harness/runs/cluster/status.ts';
import { killOwner, tinyModel, untilStopped } from '../cli/bench.ts';
import { tinyRuns } from '../runs/tiny-run.ts';

const { folder, request, run } = await tinyRuns();
const pathOf = (results: string, seed: number): string =>
  join(folder, results, 'e2e', tinyModel, 'red', `seed-${seed}.json`);
const lockOf = (path: string): string => path.replace('.json', '.lock');

/** Leaves a cell as a process that was killed at its start does. */
async function killedAt(path: string): Promise<void> {
  const child = spawn('true');
  await once(child, 'exit');
  await mkdir(dirname(path), { recursive: true });
  const own = await tryLock(lockOf(path));
  const owner = JSON.parse(readFileSync(lockOf(path), 'utf8')) as Owner;
  await own!.release();
  await writeFile(lockOf(path), JSON.stringify({ ...owner, host: hostname(), pid: child.pid }));
}

test('a cell whose process was killed comes last and in a process of its own, with a line', async () => {
  const path = pathOf('again', 1);
  await killedAt(path);
  expect(await lostProcess(path)).toMatch('most likely for want of memory');
  const [cell] = (await resultsStatus(join(folder, 'again'))).cells;
  expect(cell).toMatchObject({
    state: 'stopped',
    why: expect.stringMatching(/most likely for want of memory/) as string,
  });
  const order: number[] = [];
  const pids: number[] = [];
  const { outcomes, notes } = await run(
    'again',
    { seeds: [1, 2] },
    {
      requestOf: () => request('again', { seeds: [1, 2] }),
      events: {
        onStart({ seed }) {
          order.push(seed);
          pids.push((JSON.parse(readFileSync(lockOf(pathOf('again', seed)), 'utf8')) as Owner).pid);
        },
      },
    },
  );
  expect(order).toEqual([2, 1]);
  expect(pids[0]).toBe(process.pid);
  expect(pids[1]).not.toBe(process.pid);
  expect(outcomes.map(({ record }) => record.status)).toEqual(['finished', 'finished']);
  const said = notes.filter((note) => note.startsWith(path));
  expect(said).toEqual([
    expect.stringMatching(/want of memory: the run needs about [\d.]+ GiB of memory, of [\d.]+ GiB here/),
  ]);
});

/** Runs methods on the tiny base as if the control group allowed so many bytes. */
async function runWithin(bytes: number, results: string, methods: string[]) {
  const memory = vi.spyOn(process, 'constrainedMemory').mockReturnValue(bytes);
  const pids: number[] = [];
  try {
    const ended = await run(
      results,
      { methods },
      {
        requestOf: () => request(results, { methods }),
        events: {
          onStart: () =>
            void pids.push((JSON.parse(readFileSync(lockOf(pathOf(results, 1)), 'utf8')) as Owner).pid),
        },
      },
    );
    return { ...ended, pids };
  } finally {
    memory.mockRestore();
  }
}

test('a cell that is estimated to take more than the memory runs in a process of its own', async () => {
  // Room for the weights of the tiny base, not for the programs.
  const { outcomes, notes, pids } = await runWithin(1e8, 'large', ['red']);
  expect(pids).toHaveLength(1);
  expect(pids[0]).not.toBe(process.pid);
  expect(outcomes.map(({ record }) => record.status)).toEqual(['finished']);
  expect(notes.join('\n')).toMatch(/red.seed-1\.json: it is unlikely to fit the memory: the run needs about/);
});

test('a cell whose weights and moments alone are more than the memory is refused before anything runs', async () => {
  // Between four and sixteen bytes a weight: what RED and full fine-tuning take at the least.
  const refused = runWithin(10 * 17_000, 'refused', ['red', 'full']);
  await expect(refused).rejects.toThrow(
    /^full on .* does not fit the memory: its weights in float32 take 0 MiB, what is trained 0 MiB, and there /,
  );
  await expect(refused).rejects.toThrow(/; take a method that trains less or a smaller base/);
  await expect(readdir(join(folder, 'refused'))).resolves.toEqual([]);
});

test('killed again, it is a failed record that names the memory, and the others are done', async () => {
  let error: RunRecord['error'];
  await untilStopped(async (results) => {
    const path = pathOf(results, 1);
    await killedAt(path);
    const changes = { seeds: [1, 2], maxSteps: 2000 };
    let killed: Promise<number | undefined> | undefined;
    const { outcomes } = await run(results, changes, {
      requestOf: () => request(results, changes),
      events: {
        onStart({ seed }) {
          if (seed === 1) killed = killOwner(lockOf(path));
        },
      },
    });
    if ((await killed) === undefined) return false;
    expect(outcomes.map(({ record }) => record.status)).toEqual(['failed', 'finished']);
    error = outcomes[0]!.record.error;
    return true;
  });
  expect(error).toEqual({
    name: 'Crashed',
    message: expect.stringMatching(
      /^the run's process ended by SIGKILL, most likely for want of memory: the run needs about [\d.]+ GiB/,
    ) as string,
  });
});

test('a checkpoint that is newer than the lock says that the process got somewhere', async () => {
  const path = pathOf('saved', 1);
  await killedAt(path);
  const work = path.replace('.json', '.work');
  await mkdir(work);
  await writeFile(join(work, 'checkpoint.safetensors'), '');
  expect(await lostProcess(path)).toBeUndefined();
});

test('a process of another machine that is silent is not said to lack memory', async () => {
  const path = pathOf('silent', 1);
  await killedAt(path);
  const owner = JSON.parse(readFileSync(lockOf(path), 'utf8')) as Owner;
  await writeFile(lockOf(path), JSON.stringify({ ...owner, host: 'node-7', machine: 'another' }));
  expect(await lostProcess(path)).toBeUndefined();
  const old = Date.now() / 1000 - heartbeat.dead - 60;
  await utimes(lockOf(path), old, old);
  const how = 'its process on node-7 has given no sign of life for 3 minutes and saved nothing';
  expect(await lostProcess(path)).toBe(how);
  const [cell] = (await resultsStatus(join(folder, 'silent'))).cells;
  expect(cell).toMatchObject({ state: 'stopped', why: `${how}; the same command tries it last` });
});

const requestIn = (results: string): EvaluateRequest => ({
  subjects: [{ model: 'gpt2-mini' }],
  tasks: ['restaurants'],
  engine: 'onnx',
  threads: 1,
  results: join(folder, results),
});

/** Evaluates a built-in base; gives what is said, and the record. */
async function evaluated(results: string, onProgress = (): void => undefined) {
  const whole = requestIn(results);
  const plan = await planEvaluations(whole);
  const notes: string[] = [];
  const [done] = await evaluate(plan, whole, {
    signal: new AbortController().signal,
    retryFailed: true,
    events: {
      onProgress,
      onEnd: () => undefined,
      onNote: (text) => notes.push(text),
    },
  });
  return { notes, record: done!.record };
}

test('an evaluation that is estimated to take more than the memory is done in a process of its own', async () => {
  // Room for the weights of the base, not for the programs.
  const memory = vi.spyOn(process, 'constrainedMemory').mockReturnValue(3e8);
  const { notes, record } = await evaluated('evaluated').finally(() => {
    memory.mockRestore();
  });
  expect(record.status).toBe('finished');
  expect(notes).toEqual([
    expect.stringMatching(
      /it is unlikely to fit the memory: the evaluation needs about [\d.]+ GiB of .* a process of its own\.$/,
    ),
  ]);
});

test('an evaluation whose process was killed says so, and killed again it is a failed record', async () => {
  await untilStopped(async (name) => {
    const results = `evaluated-${name}`;
    const plan = await planEvaluations(requestIn(results));
    const { path } = plan.pieces[0]!;
    await killedAt(path);
    const [cell] = (await resultsStatus(join(folder, results))).cells;
    expect(cell).toMatchObject({
      state: 'stopped',
      why: expect.stringContaining('ended by force') as string,
    });
    let killed: Promise<number | undefined> | undefined;
    const { notes, record } = await evaluated(results, () => {
      killed ??= killOwner(lockOf(path));
    });
    if ((await killed) === undefined) return false;
    expect(notes).toEqual([
      expect.stringMatching(
        /its last process was ended by force, as the system does for want of memory: the/,
      ),
    ]);
    expect([record.status, record.error]).toEqual([
      'failed',
      {
        name: 'Crashed',
        message: expect.stringMatching(
          /ended by SIGKILL, most likely for want of memory: the evaluation needs about [\d.]+ GiB/,
        ) as string,
      },
    ]);
    const again = await evaluated(results);
    expect([again.record.status, again.notes]).toEqual(['finished', []]);
    return true;
  });
});

test.each([
  ['Error', 'std::bad_alloc'],
  ['RangeError', 'Array buffer allocation failed'],
  ['Error', 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory'],
  ['Error', 'Worker terminated due to reaching memory limit: JS heap out of memory'],
  [
    'Error',
    'Non-zero status code returned while running MatMul node. Failed to allocate memory for requested buffer of size 1',
  ],
  ['RangeError', 'Invalid typed array length: 192000000000'],
])('%s: %s is a lack of memory', (name, message) => {
  expect(lacksMemory({ name, message })).toBe(true);
});

test('other errors are none', () => {
  expect(lacksMemory({ name: 'Diverged', message: 'the loss is NaN at step 7 of 9' })).toBe(false);
});
