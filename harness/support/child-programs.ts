/** How a process starts another of deltabench's own programs, from a checkout and from the built package alike. */
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isSource } from './project-root.ts';

/**
 * Node's arguments that run a program: `name` without its ending, beside the module whose `import.meta.url`
 * is `from`.
 */
export function programArguments(name: string, from: string): string[] {
  const file = fileURLToPath(new URL(`${name}${isSource ? '.ts' : '.js'}`, from));
  if (!isSource) return [file];
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return ['--import', loader, file];
}
