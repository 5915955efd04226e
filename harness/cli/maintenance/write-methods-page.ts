/** `npm run docs:methods`: writes methods/README.md. */
import { join } from 'node:path';
import { writeFileAtomic } from '../../support/atomic-files.ts';
import { projectRoot } from '../../support/project-root.ts';
import { methodsPage } from './methods-page.ts';

await writeFileAtomic(join(projectRoot, 'methods', 'README.md'), await methodsPage());
