import { join } from 'node:path';
import { writeFileAtomic } from '../../support/atomic-files.ts';
import { projectRoot } from '../../support/project-root.ts';
import { methodsPage } from './methods-page.ts';

// npm run docs:methods
await writeFileAtomic(join(projectRoot, 'methods', 'README.md'), await methodsPage());
