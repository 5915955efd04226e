/**
 * How a process starts another of deltabench's programs (a job, a probe of an engine), from a checkout as
 * well as from the built package.
 */
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isSource } from './project-root.ts';

/**
 * Gives Node's arguments to run the program `name` (without its ending), which lies beside the module whose
 * `import.meta.url` is `from`.
 */
export function programArguments(name: string, from: string): string[] {
  const file = fileURLToPath(new URL(`${name}${isSource ? '.ts' : '.js'}`, from));
  if (!isSource) return [file];
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return ['--import', loader, file];
}
