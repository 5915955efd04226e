/** How many documents `--limit` leaves of an evaluation: a number, or a share of them. */

/** What readLimit takes, for messages. */
export const limitForms = 'a whole number from 1 on, or a share between 0 and 1 such as 0.1';

/** Reads a limit; undefined where the text is none. */
export function readLimit(text: string): number | undefined {
  const value = Number(text);
  const isLimit = /^\d{1,9}$/.test(text) || (/^\d?\.\d+$/.test(text) && value < 1);
  return isLimit && value > 0 ? value : undefined;
}

/** The number of documents that a limit leaves; a share is rounded up (lm-eval's get_sample_size). */
export function documentLimit(limit: number | undefined, documents: number): number | undefined {
  return limit !== undefined && limit < 1 ? Math.ceil(documents * limit) : limit;
}
