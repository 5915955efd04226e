/** The files of predictions and references that `bench score` reads. */
import { counted } from '../../support/counted.ts';
import type { Segment } from './segment.ts';

// The line ends of the official script's reader (Python's codecs).
// eslint-disable-next-line no-control-regex -- the separators are control characters
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\u0085\u2028\u2029]/;

function lines(text: string): string[] {
  const all = text.replace(/^\ufeff/, '').split(LINE_END);
  if (all.at(-1) === '') all.pop();
  return all.map((line) => line.trim());
}

/** Splits a file into predictions, one a line; an empty line is an empty prediction. */
export function parsePredictions(text: string): string[] {
  return lines(text);
}

/** Splits a file into references by instance: one a line, blank lines between instances. */
export function parseReferences(text: string): string[][] {
  const instances: string[][] = [];
  let open: string[] | undefined;
  for (const line of lines(text)) {
    if (line === '') open = undefined;
    else if (open) open.push(line);
    else instances.push((open = [line]));
  }
  return instances;
}

/**
 * Joins predictions and references of the same instance. A reference file without blank lines has one
 * reference an instance. Throws an Error if the counts differ.
 */
export function pairSegments(predictions: readonly string[], references: readonly string[][]): Segment[] {
  const [only] = references;
  const instances =
    only && references.length === 1 && predictions.length > 1 ? only.map((line) => [line]) : references;
  if (instances.length !== predictions.length) {
    throw new Error(
      `${counted(predictions.length, 'prediction')}, but references for ` +
        `${counted(instances.length, 'instance')}: give one prediction a line ` +
        '(an empty line where there is none) and a blank line between the references of two instances',
    );
  }
  return predictions.map((prediction, i) => ({ prediction, references: instances[i]! }));
}
