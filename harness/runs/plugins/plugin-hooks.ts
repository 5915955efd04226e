/**
 * How Node resolves and compiles the plugins of a user's folder. `deltabench` with its entry points and
 * `zod` are those of the deltabench that runs: a second copy would record operations and check options by
 * itself. They are found where the folder has nothing installed, as npx leaves it. TypeScript becomes ES
 * modules, whatever the folder's package.json says. plugin-modules.ts registers this file; Node 20 runs it in
 * a thread of its own, so that it must keep no state for others.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as Esbuild from 'esbuild';

interface Loaded {
  readonly format: 'module';
  readonly source: string;
  readonly shortCircuit: true;
}
interface ResolveContext {
  readonly parentURL?: string;
}

const ending = extname(import.meta.url);
const entries: Readonly<Record<string, string>> = {
  deltabench: 'index',
  'deltabench/method': 'method',
  'deltabench/task': 'task',
  'deltabench/evaluation': 'evaluation',
};
const ownFolders = ['harness', 'methods', 'tasks', 'evaluations'].map(
  (folder) => new URL(`../../../${folder}/`, import.meta.url).href,
);

/** Whether a module is neither deltabench's own nor an installed package's. */
function isUsers(url: string): boolean {
  return (
    url.startsWith('file:') &&
    !url.includes('/node_modules/') &&
    !ownFolders.some((folder) => url.startsWith(folder))
  );
}

/** Node's hook of resolution. */
export function resolve<T>(
  specifier: string,
  context: ResolveContext,
  next: (specifier: string, context: ResolveContext) => T,
): T {
  if (context.parentURL === undefined || !isUsers(context.parentURL)) return next(specifier, context);
  const entry = entries[specifier];
  // Resolved further, not returned: in a checkout tsx loads only what it has resolved.
  if (entry !== undefined) return next(new URL(`../../${entry}${ending}`, import.meta.url).href, context);
  // As an import of this file, which is deltabench's own.
  if (/^zod($|\/)/.test(specifier)) return next(specifier, { ...context, parentURL: import.meta.url });
  return next(specifier, context);
}

/** Node's hook of loading. */
export function load<T>(url: string, context: object, next: (url: string, context: object) => T): T | Loaded {
  if (!isUsers(url) || !/\.m?ts$/.test(url)) return next(url, context);
  return { format: 'module', source: compile(fileURLToPath(url)), shortCircuit: true };
}

/** A TypeScript file as an ES module; throws SyntaxError with the place of what cannot be compiled. */
function compile(file: string): string {
  // Loaded here, because plugins in JavaScript need no compiler.
  const { transformSync } = createRequire(import.meta.url)('esbuild') as typeof Esbuild;
  const options = { loader: 'ts', target: 'node20', sourcefile: file, sourcemap: 'inline' } as const;
  try {
    return transformSync(readFileSync(file, 'utf8'), { ...options, logLevel: 'silent' }).code;
  } catch (error) {
    const [first] = (error as Partial<Esbuild.TransformFailure>).errors ?? [];
    if (!first) throw error;
    const place = first.location ? `line ${first.location.line}, column ${first.location.column + 1}: ` : '';
    throw new SyntaxError(`${place}${first.text}`, { cause: error });
  }
}
