/**
 * The file beside a run's record that says how much worse the run's model has become at other texts.
 * runs/evaluate writes it, reports read it.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../support/atomic-files.ts';
import { isFile, readBytes } from '../../support/read-files.ts';
import type { RunRecord } from '../record.ts';
import { besideRecord } from '../record-files.ts';

const hash = z.string().regex(/^[0-9a-f]{64}$/);

const schema = z.strictObject({
  /** The sha256 of the tensors that the run trained. */
  trained: hash,
  /** The sha256 of the texts. */
  texts: hash,
  /** The mean loss a token in nats, of the base and of what the run trained. */
  before: z.number(),
  after: z.number(),
});
/** Losses on fixed texts before and after training. */
export type Forgetting = z.infer<typeof schema>;

/** Writes the file beside the record at `path`. */
export const writeForgetting = (path: string, losses: Forgetting): Promise<void> =>
  writeFileAtomic(besideRecord(path, 'forgetting.json'), `${JSON.stringify(losses)}\n`);

/** Reads the file beside a record; undefined where there is none, or it is of other tensors or another form. */
export async function readForgetting(
  results: string,
  { path, record }: { readonly path: string; readonly record: RunRecord },
): Promise<Forgetting | undefined> {
  const file = besideRecord(join(results, path), 'forgetting.json');
  if (!(await isFile(file))) return undefined;
  try {
    const read = schema.safeParse(JSON.parse(String(await readBytes(file))));
    return read.data?.trained === record.files.tensors?.sha256 ? read.data : undefined;
  } catch {
    return undefined;
  }
}
