/** Reads FastChat's files of judgements, a JSON object a line; both modes of MT-Bench use it. */
import type { z } from 'zod';
import { UsageError } from '../support/errors.ts';
import { problemOf } from '../support/json/validation-messages.ts';

/** The rows of a file by a schema; throws UsageError that names the line which has another form. */
export function judgementRows<Schema extends z.ZodType>(
  text: string,
  where: string,
  schema: Schema,
): z.infer<Schema>[] {
  return text.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch (error) {
      throw new UsageError(`${where}, line ${i + 1} is not JSON; FastChat keeps a judgement a line.`, {
        cause: error,
      });
    }
    const parsed = schema.safeParse(json);
    if (parsed.success) return [parsed.data];
    throw new UsageError(`${where}, line ${i + 1} is no judgement of this mode: ${problemOf(parsed.error)}.`);
  });
}
