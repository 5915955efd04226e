// Fuzz test of config.json of every family: the result is an architecture whose sizes are all positive,
// or an error of one line.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { describeArchitecture, familyNames } from '../../../harness/models/families/registry.ts';
import type { FamilyName } from '../../../harness/models/edits.ts';
import { projectRoot } from '../../../harness/support/project-root.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { changedJson, damagedJson, readDamaged } from '../../fuzz.ts';

const folders = {
  bert: 'roberta-mini',
  gpt2: 'gpt2-mini',
  llama: 'llama-mini',
  roberta: 'roberta-mini',
  t5: 't5-mini',
  'xlm-roberta': 'roberta-mini',
};
const builtIn = join(projectRoot, 'harness', 'models', 'bases', 'built-in');
const parity = join(projectRoot, 'test', 'golden', 'parity');

async function configOf(family: FamilyName): Promise<Record<string, unknown>> {
  const mini = Object.entries(folders).find(([name]) => name === family)?.[1];
  const folder = mini ? join(builtIn, mini) : join(parity, `${family}-tiny`);
  const config = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
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
