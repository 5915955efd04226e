import type { Segment } from './segment.ts';

// Where the official script's reader (Python's codecs) ends a line.
// eslint-disable-next-line no-control-regex -- the separators are control characters
const LINE_END = /\r\n|[\n\r\v\f\x1c-\x1e\u0085\u2028\u2029]/;

function lines(text: string): string[] {
  const all = text.replace(/^\ufeff/, '').split(LINE_END);
  if (all.at(-1) === '') all.pop();
  return all.map((line) => line.trim());
}

/** The predictions of a file, one a line; an empty line is an empty prediction. */
export function parsePredictions(text: string): string[] {
  return lines(text);
}

/** The references of a file, one a line, by instance: blank lines separate the instances. */
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
 * Puts predictions and references of the same instance together. A reference file without blank lines holds
 * one reference an instance. Throws an Error where the counts differ.
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

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
