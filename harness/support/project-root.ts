/** Where deltabench itself lies: a checkout, whose TypeScript runs as it is, or the installed package's JavaScript. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Whether this is a checkout's TypeScript; otherwise it is the JavaScript that `npm run build` makes of it. */
export const isSource = import.meta.url.endsWith('.ts');

/** The folder that holds harness, methods, tasks and evaluations: the checkout, or the package's `dist`. */
export const codeFolder = fileURLToPath(new URL('../../', import.meta.url));

/** The folder of package.json. */
export const projectRoot = isSource ? codeFolder : join(codeFolder, '..');
