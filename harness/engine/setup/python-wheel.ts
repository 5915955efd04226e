import { createRequire } from 'node:module';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { execa, ExecaError } from 'execa';

// What the installers of engines (setup-*.ts) share.

/** A Python wheel whose native libraries an engine uses; the Python version only chooses one of its files. */
export interface Wheel {
  readonly requirement: string;
  readonly python: string;
  readonly platform: string;
}

/** Does an installer's work; prints the message of what it throws and sets the exit code. */
export async function install(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Runs a command; throws `failed` with the last lines that it wrote, or `missing` where it is not installed. */
export async function run(
  command: string,
  args: readonly string[],
  { missing, failed = `${command} failed`, env = {} }: { missing: string; failed?: string; env?: NodeJS.ProcessEnv }, // prettier-ignore
): Promise<void> {
  try {
    await execa(command, args, { stdin: 'ignore', all: true, env });
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    if (error.code === 'ENOENT') throw new Error(missing, { cause: error });
    const wrote = String(error.all).trim().split('\n').slice(-15).join('\n');
    throw new Error(`${failed}:\n${wrote || error.shortMessage}`, { cause: error });
  }
}

/** The folder of an installed package of this project; throws with the remedy where npm left it out. */
export function packageFolder(name: string, remedy: string): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
  } catch (error) {
    throw new Error(`The package ${name} is not installed; ${remedy}`, { cause: error });
  }
}

/** Downloads a wheel and unpacks it as `folder`, which is there whole or not at all. */
export async function unpackWheel({ requirement, python, platform }: Wheel, folder: string): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `There is no ${requirement} for ${process.platform} on ${process.arch}; give --wheel DIR.`,
    );
  }
  // Under another name until it is whole.
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  // prettier-ignore
  const pip = [
    '-m', 'pip', 'install', '--target', partial, '--no-deps', '--no-compile', '--quiet', '--disable-pip-version-check',
    // This Python only unpacks, so any will do.
    '--only-binary=:all:', '--implementation=cp', `--python-version=${python}`, `--platform=${platform}`,
    requirement,
  ];
  try {
    await run('python3', pip, {
      missing: `python3 with pip is needed to download ${requirement}; install it, or give --wheel DIR.`,
      failed: `python3's pip cannot bring ${requirement} (no pip, no network, or an index without it); give --wheel DIR where another machine can`,
    });
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}
