// Tests of loading plugins: valid files load, and a refusal names the wrong field.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadMethods, loadTasks } from '../../../harness/runs/plan/load-plugins.ts';
import { projectRoot } from '../../../harness/support/project-root.ts';

// The folder lies inside the project, so that plugins resolve their imports.
const folder = await mkdtemp(join(projectRoot, 'node_modules', '.plugins-'));
afterAll(() => rm(folder, { recursive: true }));

let count = 0;
/** Makes a folder with one method file. */
async function methodFile(name: string, body: string): Promise<string> {
  const own = await mkdtemp(join(folder, `${count++}-`));
  await writeFile(join(own, name), `import { z } from 'zod';\n${body}`);
  return own;
}
const method = (fields: string) =>
  "export default { name: 'mine', label: 'Mine', paper: 'none', " +
  `options: z.strictObject({ rank: z.int().default(1) }), attach: () => ({ trained: {} }), ${fields} };`;

test('a sound file is found by its name; other files are left alone', async () => {
  const own = await methodFile('mine.ts', method("ablations: { 'rank-two': { rank: 2 } }"));
  await writeFile(join(own, 'README.md'), 'not a method');
  const methods = await loadMethods([own]);
  expect([...methods.keys()]).toEqual(['mine']);
});

test.each([
  ['yours.ts', method(''), /yours\.ts: name: expected "yours", as the file is called, got "mine"\.$/],
  ['mine.ts', method('label: 3'), /mine\.ts: label: /],
  ['mine.ts', method('attach: 3'), /mine\.ts: attach: expected a function\.$/],
  ['mine.ts', method('options: {}'), /mine\.ts: options: expected z\.strictObject\(\{…\}\)\.$/],
  ['mine.ts', method('defaults: { learninRate: 1 }'), /mine\.ts: defaults: .*"learninRate"/],
  ['mine.ts', method('defaults: { learningRate: -1 }'), /mine\.ts: defaults\.learningRate: /],
  ['mine.ts', method('ablations: { none: { rnk: 2 } }'), /ablations\.none: there is no option "rnk"\.$/],
  ['mine.ts', method("ablations: { none: { rank: 'x' } }"), /mine\.ts: ablations\.none: /],
  ['mine.ts', 'export const x = 1;', /mine\.ts has no default export\.$/],
  ['mine.ts', "throw new Error('broken on purpose');", /mine\.ts cannot be loaded: broken on purpose$/],
])('a wrong %s names file and field (%#)', async (name, body, expected) => {
  await expect(loadMethods([await methodFile(name, body)])).rejects.toThrow(expected);
});

test("the project's own methods and tasks pass", async () => {
  await expect(loadMethods()).resolves.toBeDefined();
  await expect(loadTasks()).resolves.toBeDefined();
});
