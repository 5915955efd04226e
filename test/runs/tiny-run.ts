// Runs real training of a tiny base on made-up rows in this process; used by test/cases and the tests of
// runs.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, vi } from 'vitest';
import { executePlan } from '../../harness/runs/execute/execute-plan.ts';
import type { ExecuteOptions, Outcome, RunEvents } from '../../harness/runs/execute/executor.ts';
import { planRuns } from '../../harness/runs/plan/plan-runs.ts';
import type { Plan, RunRequest } from '../../harness/runs/plan/cell.ts';
import { loadMethods, loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import { tinyModel, writeTinyE2E } from '../cli/bench.ts';

/** Makes a folder with data for a test file's results and caches; it is removed after the file's tests. */
export async function tinyRuns(): Promise<{
  readonly folder: string;
  request(results: string, changes?: Partial<RunRequest>): RunRequest;
  plan(results: string, changes?: Partial<RunRequest>): Promise<Plan>;
  run(
    results: string,
    changes?: Partial<RunRequest>,
    options?: Partial<Omit<ExecuteOptions, 'events'>> & { readonly events?: Partial<RunEvents> },
  ): Promise<{ outcomes: Outcome[]; notes: string[] }>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  vi.stubEnv('DELTABENCH_CACHE', join(folder, 'cache'));
  vi.stubEnv('DELTABENCH_DATA', undefined);
  const data = join(folder, 'data');
  await writeTinyE2E(data);
  const request = (results: string, changes: Partial<RunRequest> = {}): RunRequest => ({
    tasks: ['e2e'],
    methods: ['red'],
    models: [tinyModel],
    seeds: [1],
    data,
    engine: 'onnx',
    threads: 1,
    limit: 8,
    maxSteps: 8,
    results: join(folder, results),
    settings: ['max-new-tokens=2', 'batch-size=4', 'epochs=100', 'evaluate-every=2'],
    ...changes,
  });
  const plan = async (results: string, changes?: Partial<RunRequest>) =>
    planRuns(request(results, changes), await loadMethods(), await loadTasks());
  return {
    folder,
    request,
    plan,
    async run(results, changes, { events, ...options } = {}) {
      const notes: string[] = [];
      const outcomes = await executePlan(await plan(results, changes), {
        signal: new AbortController().signal,
        retryFailed: false,
        ...options,
        events: {
          onStart: () => undefined,
          onProgress: () => undefined,
          onEnd: () => undefined,
          onNote: (text) => notes.push(text),
          ...events,
        },
      });
      return { outcomes, notes };
    },
  };
}
