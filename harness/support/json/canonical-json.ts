/**
 * JSON with one text for each value. The identities of runs and records are hashes of it, so its output must
 * never change.
 */
import { sha256 } from '../hash.ts';

/**
 * Writes JSON with sorted keys and without spaces; fields that are undefined are left out. Throws RangeError
 * if a number is not finite.
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
