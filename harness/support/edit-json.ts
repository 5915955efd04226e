/**
 * The text of a JSON object with some of its fields set. All other numbers stay as they are written: to Python 1.0 is a
 * float and 1 is none, and transformers refuses the one for the other. Throws SyntaxError where the text is not JSON.
 */
export function editJson(text: string, fields: Readonly<Record<string, unknown>>): string {
  // JSON.parse would forget how a number was written, so that floats go through it as marked strings.
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
