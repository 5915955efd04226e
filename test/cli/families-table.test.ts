// Tests that the table of docs/families.md is the one generated from the code.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { withFamiliesTable } from '../../harness/cli/maintenance/families-table.ts';
import { projectRoot } from '../../harness/support/project-root.ts';

test('the table of docs/families.md is what npm run docs:families would write', async () => {
  const page = await readFile(join(projectRoot, 'docs', 'families.md'), 'utf8');
  expect(withFamiliesTable(page)).toBe(page);
});
