/**
 * Finds the files of plugins, deltabench's own and those of the user's folder, and prepares Node to import
 * the latter.
 */
import { readdir, realpath } from 'node:fs/promises';
import module from 'node:module';
import { join } from 'node:path';
import { errorCode } from '../../support/errors.ts';
import { codeFolder, projectRoot } from '../../support/project-root.ts';
import * as hooks from './plugin-hooks.ts';

/** What plugins are, by the folder that holds them. */
export type PluginKind = 'methods' | 'tasks' | 'evaluations';

/**
 * The modules of a kind: deltabench's own, then those of the current folder, which Node is prepared to
 * import.
 */
export async function pluginFiles(kind: PluginKind): Promise<string[]> {
  const own = await modulesIn(join(codeFolder, kind));
  const here = await realpath(process.cwd());
  if (here === (await realpath(projectRoot))) return own;
  const users = await modulesIn(join(here, kind));
  if (users.length > 0) registerHooks();
  return [...own, ...users];
}

/**
 * A folder's modules, sorted; none where there is no folder. Folders in it, declarations and tests are left
 * out.
 */
export async function modulesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (/^(ENOENT|ENOTDIR)$/.test(errorCode(error) ?? '')) return [];
    throw error;
  });
  const isPlugin = (name: string): boolean => /\.(ts|js|mjs)$/.test(name) && !/\.(d|test)\.\w+$/.test(name);
  return names
    .filter(isPlugin)
    .sort()
    .map((name) => join(folder, name));
}

let registered = false;

/** Lets the user's modules import deltabench and be written in TypeScript (plugin-hooks.ts). */
function registerHooks(): void {
  if (registered) return;
  registered = true;
  // Node has it from 22.15 on, and means to drop the older one.
  const { registerHooks: register } = module as unknown as { registerHooks?: (all: typeof hooks) => void };
  if (register) register(hooks);
  else module.register(new URL('plugin-hooks' + import.meta.url.slice(-3), import.meta.url));
}
