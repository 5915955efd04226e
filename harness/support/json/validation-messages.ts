/**
 * The messages for values that a zod schema refuses: what was given and what is wanted. Whoever prints such a
 * message imports this file, which replaces zod's own; a message that a schema sets itself stays.
 */
import { z } from 'zod';

z.config({ customError: (issue) => wordsOf(issue as z.core.$ZodIssue) });

/** Gives the first problem of a value: `epochs: got "many", wants a number`. */
export function problemOf(error: z.ZodError): string {
  return problemsOf(error)[0]!;
}

/** Gives all problems of a value, each as `problemOf` writes it. */
export function problemsOf(error: z.ZodError): string[] {
  return error.issues.map(({ path, message }) =>
    [...(path.length > 0 ? [path.join('.')] : []), message].join(': '),
  );
}

/** Gives a value as messages show it; of a text of more than 60 characters the first 57. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  // JSON.stringify gives undefined for a function.
  const json = JSON.stringify(value) as string | undefined;
  const text = isNumber ? String(value) : (json ?? typeof value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function wordsOf(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code === 'unrecognized_keys') {
    return `got ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}, which it does not know`;
  }
  const wanted = wantedOf(issue);
  return wanted === undefined ? undefined : `got ${shown(issue.input)}, wants ${wanted}`;
}

/** Words for what an issue wants; undefined for an issue that only its schema can explain. */
function wantedOf(issue: z.core.$ZodIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return types[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return `${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return sized(issue.origin, `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`);
    case 'too_big':
      return sized(issue.origin, `${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`);
    case 'invalid_union':
      return unionOf(issue);
    case 'invalid_format':
      return `a text of the form ${issue.format === 'regex' ? String(issue.pattern) : issue.format}`;
    default:
      return undefined;
  }
}

const types: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
};

/** Words for a bound, such as `a number of more than 0` or `a list of at least 1 entries`. */
function sized(origin: string, bound: string): string {
  if (origin === 'string') return `a text of ${bound} characters`;
  if (origin === 'array') return `a list of ${bound} entries`;
  return `${types[origin] ?? 'a number'} of ${bound}`;
}

function unionOf(issue: z.core.$ZodIssueInvalidUnion): string | undefined {
  if (issue.discriminator !== undefined && 'options' in issue) {
    return `a ${issue.discriminator} of ${(issue.options as readonly unknown[]).map(String).join(', ')}`;
  }
  const wanted = issue.errors.flatMap(([first]) => (first ? (wantedOf(first) ?? first.message) : []));
  return wanted.length > 0 ? [...new Set(wanted)].join(', or ') : undefined;
}
