// Tests that methods/README.md is the page generated from the code.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { methodsPage } from '../../harness/cli/maintenance/methods-page.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import { projectRoot } from '../../harness/support/project-root.ts';

test('methods/README.md is what npm run docs:methods would write', async () => {
  expect(await readFile(join(projectRoot, 'methods', 'README.md'), 'utf8')).toBe(await methodsPage());
});

test('every method of the project gives its formula', async () => {
  const without = [...(await loadMethods()).values()].filter(({ formula }) => formula === undefined);
  expect(without.map(({ name }) => name)).toEqual([]);
});
