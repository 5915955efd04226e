// Fuzz test of config.json of every family: the result is an architecture whose sizes are all positive,
// or an error of one line.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { describeArchitecture, familyNames } from '../../../harness/models/families/registry.ts';
import { projectRoot } from '../../../harness/support/project-root.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { changedJson, damagedJson, readDamaged } from '../../fuzz.ts';

const minis = {
  bert: 'roberta-mini',
  gpt2: 'gpt2-mini',
  llama: 'llama-mini',
  roberta: 'roberta-mini',
  t5: 't5-mini',
};

async function configOf(family: keyof typeof minis): Promise<Record<string, unknown>> {
  const path = join(projectRoot, 'harness', 'models', 'bases', 'built-in', minis[family], 'config.json');
  const config = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  return { ...config, model_type: family };
}

test.each(familyNames)('%s, changed as a value', async (family) => {
  const config = await configOf(family);
  expect(describeArchitecture(config, 'config.json')).toMatchObject({ family });
  const { refused } = await readDamaged(changedJson(config), (changed) => {
    const { shapes, vocabulary, sites } = describeArchitecture(changed, 'config.json');
    const sizes = [vocabulary, ...Object.values(shapes).flat(), ...sites.map(({ outputs }) => outputs)];
    if (sizes.every((size) => Number.isSafeInteger(size) && size > 0)) return;
    throw new Error('an architecture with a size that is none');
  });
  expect(refused).toBeGreaterThan(0);
});

test('a folder whose config.json is damaged', async () => {
  const folder = await temporaryFolder();
  await readDamaged(damagedJson(await configOf('gpt2')), async (bytes) => {
    await writeFile(join(folder, 'config.json'), bytes);
    await loadBase(folder);
  });
});
