/** `bench init`: makes a folder for a user's own methods, tasks and evaluations, from the files in cli/templates. */
import { readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { makeFolder, writeFileAtomic } from '../../support/atomic-files.ts';
import { UsageError } from '../../support/errors.ts';
import { projectRoot } from '../../support/project-root.ts';
import { isThere, readJson } from '../../support/read-files.ts';
import { note, print, printJson } from '../terminal/output.ts';

const templates = join(import.meta.dirname, '..', 'templates');

/** The files that are written, with their templates. Some are renamed: npm and Node would read them as their own. */
const files: Readonly<Record<string, string>> = {
  'methods/scale.ts': 'methods/scale.ts',
  'tasks/guests.ts': 'tasks/guests.ts',
  'evaluations/moods.ts': 'evaluations/moods.ts',
  'test/plugins.test.ts': 'test/plugins.test.ts',
  'package.json': 'project-package.json',
  'tsconfig.json': 'project-tsconfig.json',
  '.gitignore': 'gitignore',
  '.github/workflows/deltabench.yml': 'ci.yml',
};

/** Packages that the written files use, in the versions that deltabench is tested with. */
const tools = ['@types/node', 'typescript', 'vitest'];

const nextSteps = `Next:
  npm install --ignore-scripts                           brings deltabench and vitest into this folder
  npm run bench -- --task e2e --method scale red         the new method beside RED
  npm run bench -- --task guests --method scale red      on the new task
  npm run bench -- eval --tasks moods --model gpt2-mini  a base by the new evaluation
  npm test                                               what test/plugins.test.ts checks
  npm run gate -- --update --reason "first numbers"      the gate's baseline; commit results/baseline with it
The files in methods/, tasks/ and evaluations/ are examples: copy, rename and change them.`;

const packageSteps = `package.json is yours and stays as it is. What the other files need of it:
  npm pkg set type=module scripts.bench=deltabench scripts.test="vitest run" scripts.gate="deltabench check"
  npm install --ignore-scripts --save-dev deltabench ${tools.join(' ')}`;

/** The command. */
export function initCommand(): Command {
  return new Command('init')
    .summary('make this a folder for methods, tasks and evaluations of your own')
    .description(
      'Writes an example of a method, of a task and of an evaluation, a test of them and a CI workflow into the ' +
        'current folder. Files that are there stay as they are.',
    )
    .option('--json', 'print one JSON document')
    .action(init);
}

async function init({ json }: { json?: true }): Promise<void> {
  const folder = process.cwd();
  if ((await realpath(folder)) === (await realpath(projectRoot))) {
    throw new UsageError(
      "init is for a folder of your own; this is deltabench's checkout, whose folders you can extend.",
    );
  }
  const written: string[] = [];
  const kept: string[] = [];
  for (const [path, template] of Object.entries(files)) {
    const place = join(folder, path);
    if (await isThere(place)) {
      kept.push(path);
      continue;
    }
    await makeFolder(dirname(place));
    const text = await readFile(join(templates, template), 'utf8');
    await writeFileAtomic(place, path === 'package.json' ? await withVersions(text) : text);
    written.push(path);
  }
  if (json) {
    printJson({ written, kept });
    return;
  }
  for (const path of written) print(`${path} is written.`);
  for (const path of kept) note(`${path} is there already and stays as it is.`);
  if (kept.includes('package.json')) print(`\n${packageSteps}`);
  print(`\n${nextSteps}`);
}

/** The package.json with deltabench's own version and those of the tools. */
async function withVersions(text: string): Promise<string> {
  const own = (await readJson(join(projectRoot, 'package.json'))) as {
    version: string;
    devDependencies: Readonly<Record<string, string>>;
  };
  const versions = tools.map((name) => [name, own.devDependencies[name]]);
  const devDependencies = Object.fromEntries([['deltabench', `^${own.version}`], ...versions]) as unknown;
  const content = JSON.parse(text) as Readonly<Record<string, unknown>>;
  return `${JSON.stringify({ ...content, devDependencies }, undefined, 2)}\n`;
}
