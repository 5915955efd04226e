// Regression test: a sweep that slept beyond its lease overwrote a record that another sweep had finished.
// Expected: without the lock it writes nothing, says so in one line and leaves no working folder; all hashes
// fit. The test ends the lease at once by giving the lock to another machine with an old heartbeat.
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { hashFile, sha256 } from '../../harness/support/hash.ts';
import { executePlan } from '../../harness/runs/execute/execute-plan.ts';
import { heartbeat, type Owner } from '../../harness/records/locks/file-lock.ts';
import { planRuns } from '../../harness/runs/plan/plan-runs.ts';
import { loadMethods, loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import type { TextTask } from '../../harness/data/examples/task.ts';
import { appears, pause, readRecordFile, startTiny, tinyModel, untilStopped } from '../cli/bench.ts';
import { tinyRuns } from '../runs/tiny-run.ts';

const { folder, request, run } = await tinyRuns();

/** Turns a held lock into one of another machine without a recent heartbeat. */
async function giveAway(lock: string): Promise<void> {
  const owner = JSON.parse(await readFile(lock, 'utf8')) as Owner;
  await writeFile(lock, JSON.stringify({ ...owner, machine: 'elsewhere' }));
  const old = Date.now() / 1000 - heartbeat.dead - 60;
  await utimes(lock, old, old);
}

/** Lists the files of a cell's folder with hash and time of writing. */
async function filesOf(cells: string): Promise<Record<string, string>> {
  const entries = (await readdir(cells)).map(async (name) => {
    const path = join(cells, name);
    return [name, `${sha256(await readFile(path, 'latin1'))} ${(await stat(path)).mtimeMs}`] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function checkRecord(path: string): Promise<void> {
  const { status, files } = await readRecordFile(path);
  expect(status).toBe('finished');
  for (const { name, sha256 } of Object.values(files)) {
    expect(await hashFile(join(dirname(path), name)), name).toBe(sha256);
  }
  expect((await readdir(dirname(path))).filter((name) => /lock|work|tmp/.test(name))).toEqual([]);
}

test(
  'in one process: what was computed under a lost lock is not written, ' +
    'and the record that is there serves',
  async () => {
    const tasks = await loadTasks();
    const e2e = tasks.get('e2e') as TextTask;
    let arrive = (): void => undefined;
    let goOn = (): void => undefined;
    const arrived = new Promise<void>((resolve) => (arrive = resolve));
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    const waiting: TextTask = {
      ...e2e,
      async score(predictions, draw) {
        arrive();
        await gate;
        return e2e.score(predictions, draw);
      },
    };
    const plan = await planRuns(request('one'), await loadMethods(), new Map([...tasks, ['e2e', waiting]]));
    const notes: string[] = [];
    const first = executePlan(plan, {
      signal: new AbortController().signal,
      retryFailed: false,
      events: {
        onStart: () => undefined,
        onProgress: () => undefined,
        onEnd: () => undefined,
        onNote: (note) => notes.push(note),
      },
    });
    await Promise.race([arrived, first]);
    const path = join(folder, 'one', 'e2e', tinyModel, 'red', 'seed-1.json');
    await giveAway(path.replace('.json', '.lock'));
    const second = await run('one');
    expect(second.outcomes[0]!.path).toBe(path);
    const before = await filesOf(dirname(path));
    goOn();
    const [outcome] = await first;
    expect(outcome!.record).toEqual(second.outcomes[0]!.record);
    const said = notes.filter((note) => note.includes("is another sweep's now"));
    expect(said).toEqual([expect.stringMatching(/seed-1\.json .*Nothing more of this try is written\.$/)]);
    expect(await filesOf(dirname(path))).toEqual(before);
    await checkRecord(path);
  },
);

test.skipIf(process.platform === 'win32').each([[[]], [['--jobs', '2']]])(
  'a process that is stopped past its lease in the middle of training %j',
  async (more) => {
    const args = ['--method', 'red', '--seeds', '1', '--max-steps', '300', '--threads', '1', ...more];
    await untilStopped(async (name) => {
      const results = `${name}-${more.length}`;
      const sweep = startTiny(folder, results, args, { detached: true });
      const cells = join(folder, results, 'e2e', tinyModel, 'red');
      const path = join(cells, 'seed-1.json');
      if (!(await appears(join(cells, 'seed-1.work', 'checkpoint.safetensors'), sweep))) return false;
      if (!(await pause(-sweep.pid!))) return false;
      if (!existsSync(join(cells, 'seed-1.lock')) || existsSync(path)) {
        process.kill(-sweep.pid!, 'SIGKILL');
        return false;
      }
      await giveAway(join(cells, 'seed-1.lock'));
      const rival = await startTiny(folder, results, args);
      expect(rival.exitCode, rival.stderr).toBe(0);
      const before = await filesOf(cells);
      process.kill(-sweep.pid!, 'SIGCONT');
      const { exitCode, stdout, stderr } = await sweep;
      expect(exitCode, stderr).toBe(0);
      expect(stderr.match(/is another sweep's now/g)).toHaveLength(1);
      expect(stdout).toBe(rival.stdout);
      expect(await filesOf(cells)).toEqual(before);
      await checkRecord(path);
      return true;
    });
  },
);
