/**
 * The last line of a test run, `N passed, N failed, N skipped`, which continuous integration reads, and the floor
 * under the tests that passed: DELTABENCH_TESTS="unit=1700 e2e=300" fails a run in which fewer passed in a project,
 * so that tests which skip for want of a package are seen.
 */
import type { Reporter, TestModule } from 'vitest/node';

export default class Tally implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    // A set-up that fails, and what nobody caught, belong to no test.
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    const passed = new Map<string, number>();
    for (const module of modules) {
      const { name } = module.project;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state]++;
        if (state === 'passed') passed.set(name, (passed.get(name) ?? 0) + 1);
      }
      // A file that does not load has no tests to count, and still must not pass for green.
      if (module.state() === 'failed' && [...module.children.allTests('failed')].length === 0) count.failed++;
    }
    for (const { project, floor } of floors()) {
      const there = passed.get(project) ?? 0;
      if (there >= floor) continue;
      console.error(
        `${project}: ${there} tests passed, at least ${floor} must (DELTABENCH_TESTS in .ci/run).`,
      );
      process.exitCode = 1;
    }
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped + count.pending} skipped`);
  }
}

/** The least number of passed tests of each project that DELTABENCH_TESTS names. */
function floors(): { project: string; floor: number }[] {
  const given = (process.env.DELTABENCH_TESTS ?? '').split(' ').filter(Boolean);
  return given.map((text) => {
    const [, project, floor] = /^(\w+)=(\d+)$/.exec(text) ?? [];
    if (project === undefined) throw new Error(`DELTABENCH_TESTS: got "${text}", wants project=number`);
    return { project, floor: Number(floor) };
  });
}
