/** Narrows parsed JSON to an object; the readers of tokenizer files use it. */

/** A JSON object whose fields are not checked yet. */
export type JsonObject = Record<string, unknown>;

/** Whether a parsed JSON value is an object, not null or a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
