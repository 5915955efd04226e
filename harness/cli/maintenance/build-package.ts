/**
 * `npm run build`, which `npm pack` runs: writes the package's JavaScript and declarations, and the files
 * they read, to dist.
 */
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { projectRoot } from '../../support/project-root.ts';

const dist = join(projectRoot, 'dist');

const shims = join(projectRoot, 'harness', 'shims');
const templates = join(projectRoot, 'harness', 'cli', 'templates');

/**
 * Whether dist has a file as it is: all but what is compiled, and the stand-in for canvas, which npm bundles
 * itself.
 */
function isCopied(path: string): boolean {
  if (path === shims) return false;
  if (path.startsWith(templates)) return true;
  return !path.endsWith('.ts') || path.endsWith('.d.ts');
}

await rm(dist, { recursive: true, force: true });
await execa('tsc', ['-p', 'tsconfig.build.json'], { cwd: projectRoot, preferLocal: true, stdio: 'inherit' });
for (const folder of ['harness', 'methods', 'tasks', 'evaluations']) {
  await cp(join(projectRoot, folder), join(dist, folder), { recursive: true, filter: isCopied });
}
