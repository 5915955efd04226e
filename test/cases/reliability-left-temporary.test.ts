// Regression test: a process killed while writing left its temporary file forever. Expected: the holder of
// the cell's lock removes it, and files of other cells and living writers stay. Where files are written
// without a lock, the next writer removes temporary files that are older than a day.
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeFileAtomic, writeFolderAtomic } from '../../harness/support/atomic-files.ts';
import { tinyModel } from '../cli/bench.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { tinyRuns } from '../runs/tiny-run.ts';

const { folder, run } = await tinyRuns();
const id = '11111111-2222-3333-4444-555555555555';

test("a cell's temporary files go with its next run, another cell's stay", async () => {
  const cells = join(folder, 'results', 'e2e', tinyModel, 'red');
  await mkdir(join(cells, `.seed-1.safetensors.${id}.tmp`), { recursive: true });
  const own = [`.seed-1.predictions.jsonl.${id}.tmp`, `.seed-1.json.${id}.tmp`, `.seed-1.lock.${id}.tmp`];
  const others = [`.seed-11.predictions.jsonl.${id}.tmp`, `.seed-1~0123abcd.json.${id}.tmp`, 'seed-1.notes'];
  for (const name of [...own, ...others]) await writeFile(join(cells, name), 'half');
  await run('results');
  expect((await readdir(cells)).sort()).toEqual(
    [...others, 'seed-1.json', 'seed-1.predictions.jsonl', 'seed-1.safetensors', 'seed-1.steps.jsonl'].sort(),
  );
});

test("a checkpoint's temporary file goes when the run goes on", async () => {
  const { removeTemporaries } = await import('../../harness/support/atomic-files.ts');
  const work = await temporaryFolder();
  const left = join(work, `.checkpoint.safetensors.${id}.tmp`);
  await writeFile(left, 'half');
  // A network drive's clock, or one set back since, makes files that seem to come from the future.
  const tomorrow = Date.now() / 1000 + 24 * 3600;
  await utimes(left, tomorrow, tomorrow);
  await writeFile(join(work, 'checkpoint.safetensors'), 'whole');
  await removeTemporaries(join(work, 'checkpoint.safetensors'));
  expect(await readdir(work)).toEqual(['checkpoint.safetensors']);
});

test('without a lock only what nobody has touched for a day is swept', async () => {
  const place = await temporaryFolder();
  const [young, old] = [`.report.md.${id}.tmp`, `.report.md.0${id}.tmp`];
  await mkdir(join(place, `.merged.${id}.tmp`));
  for (const name of [young, old]) await writeFile(join(place, name), 'half');
  const yesterday = Date.now() / 1000 - 25 * 3600;
  for (const name of [old, `.merged.${id}.tmp`]) await utimes(join(place, name), yesterday, yesterday);
  await writeFileAtomic(join(place, 'report.md'), 'whole');
  await writeFolderAtomic(join(place, 'merged'), (temporary) => writeFile(join(temporary, 'a'), ''));
  expect((await readdir(place)).sort()).toEqual([young, 'merged', 'report.md']);
});
