import { join } from 'node:path';
import { writeFileAtomic } from '../data/atomic.ts';
import { projectRoot } from '../runs/plugins.ts';
import { methodsPage } from './methods-page.ts';

// npm run docs:methods
await writeFileAtomic(join(projectRoot, 'methods', 'README.md'), await methodsPage());
