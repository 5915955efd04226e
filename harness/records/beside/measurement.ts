/**
 * Files beside a run's record that say what was measured of its trained tensors after it ended. Each kind of
 * measurement, such as forgetting.ts, has one.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../support/atomic-files.ts';
import { isFile, readBytes } from '../../support/read-files.ts';
import type { RunRecord } from '../record.ts';
import { besideRecord } from '../record-files.ts';

export const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** What every measurement holds beside its numbers. */
export interface OfTensors {
  /** The sha256 of the tensors that the run trained. */
  readonly trained: string;
}

/** How measurements of one kind are kept. */
export interface Measurements<Measured extends OfTensors> {
  /** Writes the file beside the record at `path`. */
  write(path: string, measured: Measured): Promise<void>;
  /** Reads the file beside a record; undefined where there is none, or it is of other tensors or another form. */
  read(
    results: string,
    found: { readonly path: string; readonly record: RunRecord },
  ): Promise<Measured | undefined>;
}

/** Measurements of this schema in files `seed-<n>.<kind>.json`. */
export function measurements<Measured extends OfTensors>(
  kind: string,
  schema: z.ZodType<Measured>,
): Measurements<Measured> {
  return {
    write: (path, measured) =>
      writeFileAtomic(besideRecord(path, `${kind}.json`), `${JSON.stringify(measured)}\n`),
    async read(results, { path, record }) {
      const file = besideRecord(join(results, path), `${kind}.json`);
      if (!(await isFile(file))) return undefined;
      try {
        const read = schema.safeParse(JSON.parse(String(await readBytes(file))));
        return read.data?.trained === record.files.tensors?.sha256 ? read.data : undefined;
      } catch {
        return undefined;
      }
    },
  };
}
