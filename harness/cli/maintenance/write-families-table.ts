/** `npm run docs:families`: writes the table of docs/families.md. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '../../support/atomic-files.ts';
import { projectRoot } from '../../support/project-root.ts';
import { withFamiliesTable } from './families-table.ts';

const path = join(projectRoot, 'docs', 'families.md');
await writeFileAtomic(path, withFamiliesTable(await readFile(path, 'utf8')));
