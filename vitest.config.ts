/**
 * The tests in three projects, which `npm run test:unit`, `test:parity` and `test:e2e` run alone:
 * unit answers at once, and its files share processes; parity holds the numbers of other implementations, one
 * contract for every method, and two ways of computing equal; e2e starts processes (the command line, Python, a
 * browser, Slurm) or replaces modules, each file in a process of its own.
 */
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const startsProcesses = [
  'test/cli/**/*.test.ts',
  'test/package/**/*.test.ts',
  'test/docs/examples.test.ts',
  'test/{parity,engine}/webgpu.test.ts',
  'test/engine/{setup/*,onnxruntime/session-thread,packed-peak}.test.ts',
  'test/exchange/{families-load,packed-base,python-loads,red-vectors,peft/peft-loads}.test.ts',
  'test/methods/compose.test.ts',
  'test/reporting/report/{charts,page,report}.test.ts',
  'test/runs/pretrain/*.test.ts',
  'test/runs/execute/system-refusals.test.ts',
  'test/tasks/glue-runs.test.ts',
  'test/cases/reliability-{broken-checkpoint,closed-output,config-layers,endpoint-password}.test.ts',
  'test/cases/reliability-{in-the-way,meteor-files,out-of-memory,status-reading}.test.ts',
  'test/cases/reliability-{stop-while-fetching,woken-sweep}.test.ts',
  'test/cases/{reports-slurm-percent,ux-bold-below-plain,ux-own-task-settings}.test.ts',
  'test/cases/{ux-phone-overflow,ux-report-not-marked}.test.ts',
];

/** Files that call `vi.mock`. */
const replacesModules = [
  'test/data/hub/{damaged-hub,hub}.test.ts',
  'test/runs/execute/execute-plan.test.ts',
  'test/cases/reliability-hub-{listings,patience}.test.ts',
];

const comparesNumbers = [
  'test/{parity,contract}/**/*.test.ts',
  'test/data/tokenizers/agree-with-rust.test.ts',
  'test/decoding/in-graph/*.test.ts',
  'test/methods/{adalora,decode-more,prompt}.test.ts',
  'test/training/loop/{choose-replicas,train,train-together}.test.ts',
];

const ownProcess = [...startsProcesses, ...replacesModules];

const shared = {
  setupFiles: ['test/setup.ts'],
  pool: 'forks' as const,
  // They guard against hanging alone: no test may depend on how fast a machine is, or how busy.
  testTimeout: 1_800_000,
  hookTimeout: 1_800_000,
  // vitest gives expect.poll a second otherwise.
  expect: { poll: { timeout: 1_800_000 } },
};

export default defineConfig({
  test: {
    reporters: ['default', './test/tally.ts'],
    // Half of the time of tests that start processes is spent waiting.
    maxWorkers: Math.ceil(1.5 * availableParallelism()),
    teardownTimeout: 60_000,
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: [...ownProcess, ...comparesNumbers],
        },
      },
      { test: { ...shared, name: 'parity', include: comparesNumbers, exclude: ownProcess } },
      { test: { ...shared, name: 'e2e', globalSetup: 'test/build.ts', include: ownProcess } },
    ],
  },
});
