// Test that the README's sample of a new method works as printed.
import { copyFile, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../../harness/support/project-root.ts';

// Follows the README's section "Add a method" literally, in a copy of the project.
const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
const project = join(folder, 'project');
const data = join(folder, 'data');
const model = 'random-gpt2~layers=2,width=16,heads=2,vocab=300,positions=128';

beforeAll(async () => {
  for (const part of ['package.json', 'tsconfig.json', 'harness', 'methods', 'tasks'])
    await cp(join(projectRoot, part), join(project, part), { recursive: true });
  await symlink(join(projectRoot, 'node_modules'), join(project, 'node_modules'));
  await mkdir(data);
  const rows = Array.from({ length: 8 }, (_, i) => `name : Inn ${i} | food : soup||Inn ${i} has soup .`);
  for (const file of ['train.txt', 'valid.txt', 'test.txt'])
    await writeFile(join(data, file), rows.join('\n'));
  await mkdir(join(data, 'tokenizers', 'gpt2'), { recursive: true });
  const tokenizer = join(projectRoot, 'test', 'data', 'tokenizers', 'files', 'tiny.json');
  await copyFile(tokenizer, join(data, 'tokenizers', 'gpt2', 'tokenizer.json'));
});
afterAll(() => rm(folder, { recursive: true }));

test('one file of about 25 lines, one command, a row of the table', async () => {
  const readme = await readFile(join(projectRoot, 'README.md'), 'utf8');
  const code = /^## Add a method$[^]*?^```ts$\n([^]*?)^```$/m.exec(readme)?.[1] ?? '';
  expect(code.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(27);
  const [, name] = /^ {2}name: '([a-z-]+)',$/m.exec(code) ?? [];
  const [, label] = /^ {2}label: '(.+)',$/m.exec(code) ?? [];
  expect([name, label]).not.toContain(undefined);
  await writeFile(join(project, 'methods', `${name!}.ts`), code);

  const { stdout, stderr, exitCode } = await execa(
    'node',
    [
      ...['--import', 'tsx', 'harness/cli/main.ts', '--task', 'e2e', '--model', model],
      ...['--method', name!, 'red', '--data', data, '--threads', '1', '--max-steps', '8'],
      ...['--set', 'batch-size=4', 'max-new-tokens=4', 'learning-rate=0.05'],
    ],
    {
      cwd: project,
      reject: false,
      env: { DELTABENCH_DATA: undefined, DELTABENCH_CACHE: join(folder, 'cache') },
    },
  );
  expect(exitCode, stderr).toBe(0);
  const rows = stdout.split('\n').map((line) => line.split(/ {2,}/)[0]);
  expect(rows.filter((cell) => cell === label || cell === 'RED')).toEqual([label, 'RED']);
});
