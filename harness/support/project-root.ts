/**
 * The folders of deltabench itself, which runs as TypeScript from a checkout or as JavaScript from a package.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Whether a checkout's TypeScript runs; otherwise the JavaScript that `npm run build` makes of it does. */
export const isSource = import.meta.url.endsWith('.ts');

/** How a person starts the command line here, for messages that name a command. */
export const benchCommand = isSource ? 'npm run bench --' : 'npx deltabench';

/** The folder that holds harness, methods, tasks and evaluations: the checkout, or the package's `dist`. */
export const codeFolder = fileURLToPath(new URL('../../', import.meta.url));

/** The folder that holds package.json. */
export const projectRoot = isSource ? codeFolder : join(codeFolder, '..');
