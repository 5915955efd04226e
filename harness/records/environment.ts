/** What a record says of the code and the machine that made it. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isSource, projectRoot } from '../support/project-root.ts';
import type { RunRecord } from './record.ts';

/** The packages whose versions a record names, because results may depend on them. */
const packages = [
  '@anush008/tokenizers',
  '@tensorflow/tfjs',
  '@tensorflow/tfjs-node',
  '@tensorflow/tfjs-node-gpu',
  'onnxruntime-node',
];

/** The version of an installed package; undefined where it is not installed. */
export async function packageVersion(name: string): Promise<string | undefined> {
  // npm installs into any node_modules from here upwards, and not every package lets `resolve` see its
  // package.json.
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const version = await versionIn(join(folder, name));
    if (version !== undefined) return version;
  }
  return undefined;
}

/**
 * The version of the code; for a checkout also its commit and whether files were changed, null if git cannot
 * tell.
 */
export async function codeVersion(): Promise<RunRecord['code']> {
  const [version, commit, status] = await Promise.all([
    versionIn(projectRoot),
    git('rev-parse', 'HEAD'),
    git('status', '--porcelain'),
  ]);
  return {
    version: version ?? 'unknown',
    commit: commit ?? null,
    dirty: status === undefined ? null : status !== '',
  };
}

/** Describes the machine, Node.js and the packages that a run used. */
export async function describeEnvironment(threads: number): Promise<RunRecord['environment']> {
  const versions = await Promise.all(
    packages.map(async (name) => [name, await packageVersion(name)] as const),
  );
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    threads,
    memoryBytes: totalmem(),
    packages: Object.fromEntries(
      versions.filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
  };
}

async function versionIn(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as { version?: string }).version;
}

async function git(...args: string[]): Promise<string | undefined> {
  // An installed package may lie inside its user's repository, whose commit is not deltabench's.
  if (!isSource) return undefined;
  const run = promisify(execFile)('git', args, { cwd: projectRoot });
  return run.then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}
