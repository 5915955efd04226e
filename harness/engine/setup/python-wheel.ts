/** What the installers of engines share: commands with clear failures, and wheels of native libraries. */
import { createRequire } from 'node:module';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { execa, ExecaError } from 'execa';
import { UsageError } from '../../support/errors.ts';

/** A Python wheel whose native libraries an engine uses; the Python version only chooses one of its files. */
export interface Wheel {
  readonly requirement: string;
  readonly python: string;
  readonly platform: string;
}

/** Prints a line of what an installer does. */
export type Say = (text: string) => void;

/** Whether a file or folder exists. */
export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** What an installer says where a command fails, and the command's environment. */
interface RunOptions {
  readonly missing: string;
  readonly failed?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a command; throws `failed` with its last lines of output, or `missing` where it is not installed. */
export async function run(
  command: string,
  args: readonly string[],
  { missing, failed = `${command} failed`, env = {} }: RunOptions,
): Promise<void> {
  try {
    await execa(command, args, { stdin: 'ignore', all: true, env });
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    if (error.code === 'ENOENT') throw new UsageError(missing, { cause: error });
    const wrote = String(error.all).trim().split('\n').slice(-15).join('\n');
    throw new UsageError(`${failed}:\n${wrote || error.shortMessage}`, { cause: error });
  }
}

/** The folder of an installed package of this project; throws with the remedy where npm left it out. */
export function packageFolder(name: string, remedy: string): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch (error) {
    throw new UsageError(`The package ${name} is not installed; ${remedy}`, { cause: error });
  }
}

/** Downloads a wheel and unpacks it as `folder`, completely or not at all. */
export async function unpackWheel({ requirement, python, platform }: Wheel, folder: string): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new UsageError(
      `There is no ${requirement} for ${process.platform} on ${process.arch}; give --wheel DIR.`,
    );
  }
  // The folder has another name until it is complete.
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  const options = ['--no-deps', '--no-compile', '--quiet', '--disable-pip-version-check'];
  // The Python that runs pip only unpacks, so it need not be the wheel's.
  const wheel = ['--only-binary=:all:', '--implementation=cp', `--python-version=${python}`];
  const pip = ['-m', 'pip', 'install', '--target', partial, ...options, ...wheel, `--platform=${platform}`];
  try {
    await run('python3', [...pip, requirement], {
      missing: `python3 with pip is needed to download ${requirement}; install it, or give --wheel DIR.`,
      failed:
        `python3's pip cannot bring ${requirement} (no pip, no network, or an index without it); ` +
        'give --wheel DIR where another machine can',
    });
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}
