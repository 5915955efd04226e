/** Edits config.json of a checkpoint without rewriting its numbers. */

/**
 * Gives a JSON object's text with some fields set. All other numbers keep their spelling, since Python reads
 * 1.0 as a float and 1 as an int, and transformers refuses one in place of the other. Throws SyntaxError if
 * the text is not JSON.
 */
export function editJson(text: string, fields: Readonly<Record<string, unknown>>): string {
  // JSON.parse forgets how a number was written, so floats pass through it as marked strings.
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\d+[.eE][\d.eE+-]*/g, (token) =>
    token.startsWith('"') ? token : JSON.stringify(mark + token),
  );
  const object = { ...(JSON.parse(marked) as Record<string, unknown>), ...fields };
  return JSON.stringify(object, undefined, 2).replace(
    /"\\u0000float (-?\d+[.eE][\d.eE+-]*)"/g,
    (_, number: string) => number,
  );
}

const mark = '\u0000float ';
