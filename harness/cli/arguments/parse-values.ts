/** Reads the values of options: counts, seeds, which runs to try again. */
import { InvalidArgumentError } from 'commander';
import { UsageError } from '../../support/errors.ts';
import { limitForms, readLimit } from '../../runs/evaluate/document-limit.ts';

/** Reads a whole number of at least 1. */
export function positive(text: string): number {
  return whole(text, 1);
}

/** Reads a number of documents from 1 on, or a share of them between 0 and 1. */
export function documentsOrShare(text: string): number {
  const value = readLimit(text);
  if (value !== undefined) return value;
  throw new InvalidArgumentError(`It must be ${limitForms}.`);
}

/** Reads a whole number of at least 0. */
export function count(text: string): number {
  return whole(text, 0);
}

/** Collects seeds: whole numbers of at least 0. */
export function seeds(text: string, before: readonly number[] | undefined): number[] {
  return [...(before ?? []), whole(text, 0)];
}

/** Reads which runs to try again. */
export function retry(which: string): 'failed' {
  if (which === 'failed') return which;
  throw new UsageError(`--retry ${which}: it can only be "failed".`);
}

function whole(text: string, least: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidArgumentError(`It must be a whole number from ${least} on.`);
}
