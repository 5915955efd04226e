import { sha256 } from './hash.ts';

/**
 * JSON with sorted keys and without spaces, so that equal values give equal text; throws RangeError on a
 * number that JSON cannot hold.
 */
export function canonicalJson(value: unknown): string {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new RangeError(`JSON has no ${value}`);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`);
  return `{${fields.join(',')}}`;
}

/** The sha256 of the canonical JSON of a value, as 64 hexadecimal digits. */
export function hashJson(value: unknown): string {
  return sha256(canonicalJson(value));
}
