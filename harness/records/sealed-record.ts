/**
 * How records are kept from changes by hand: the digest over all fields of a record, which is checked whenever
 * a record is read. record.ts, evaluation-record.ts and judgement-record.ts say what the fields are.
 */
import type { z } from 'zod';
import { writeFileAtomic, type BeforeRename } from '../support/atomic-files.ts';
import { hashJson } from '../support/json/canonical-json.ts';
import { isObject } from '../support/json/json-object.ts';
import { problemOf } from '../support/json/validation-messages.ts';

/** What every record has; `identity` is the hash of its settings. */
interface Sealed {
  readonly schema: 1;
  readonly identity: string;
  readonly settings: object;
  readonly digest: string;
}

/** A record, or why it cannot be trusted. */
export type Parsed<Record> = { readonly record: Record } | { readonly reason: string };

/** Adds the digest to a record. */
export function seal<Fields extends Omit<Sealed, 'digest'>>(fields: Fields): Fields & { digest: string } {
  return { ...fields, digest: hashJson(fields) };
}

/** Parses the text of a record's file; the reason says why it cannot be trusted. */
export function parseSealed<Record extends Sealed>(text: string, schema: z.ZodType<Record>): Parsed<Record> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { reason: 'it is not JSON; it was cut short or is another file' };
  }
  const version = isObject(json) && 'schema' in json ? json.schema : undefined;
  if (version === undefined) return { reason: 'it is another file, without the schema that records have' };
  if (version !== 1) return { reason: `its schema is ${JSON.stringify(version)}, this version reads 1` };
  const parsed = schema.safeParse(json);
  if (!parsed.success) return { reason: problemOf(parsed.error) };
  const { digest, ...rest } = json as Record;
  if (hashJson(rest) !== digest || hashJson(rest.settings) !== rest.identity)
    return { reason: 'its content does not fit its digest; it was changed after it was written' };
  return { record: parsed.data };
}

/** Writes a record; throws UsageError if writing is refused. */
export function writeSealed(path: string, record: Sealed, beforeRename?: BeforeRename): Promise<void> {
  return writeFileAtomic(path, `${JSON.stringify(record, undefined, 2)}\n`, beforeRename);
}
