/**
 * Python's strip, lstrip and rstrip for chat templates. The methods of @huggingface/jinja strip white space
 * whatever characters they are given (findings/jinja-strips-white-space.sh).
 */
import { isObject } from '../../support/json/json-object.ts';

const withoutStart = (text: readonly string[], characters: string): readonly string[] => {
  const start = text.findIndex((character) => !characters.includes(character));
  return start < 0 ? [] : text.slice(start);
};
const withoutEnd = (text: readonly string[], characters: string): readonly string[] =>
  withoutStart(text.toReversed(), characters).toReversed();

/** The methods by the names that calls of them get; no template can call these itself. */
export const pythonStrips: Readonly<Record<string, (text: string, characters: string) => string>> = {
  'python strip': (text, characters) =>
    withoutEnd(withoutStart(Array.from(text), characters), characters).join(''),
  'python lstrip': (text, characters) => withoutStart(Array.from(text), characters).join(''),
  'python rstrip': (text, characters) => withoutEnd(Array.from(text), characters).join(''),
};

/** Turns calls such as `text.rstrip('x')` in a parsed template into calls of {@link pythonStrips}. */
export function callPythonStrips(node: unknown): void {
  if (Array.isArray(node)) node.forEach(callPythonStrips);
  if (!isObject(node)) return;
  Object.values(node).forEach(callPythonStrips);
  const { type, callee, args } = node;
  if (type !== 'CallExpression' || !Array.isArray(args) || args.length === 0 || !isObject(callee)) return;
  const { type: kind, object, property, computed } = callee;
  if (kind !== 'MemberExpression' || computed === true || !isObject(property)) return;
  const name = `python ${String(property.value)}`;
  if (!(name in pythonStrips)) return;
  node.callee = { type: 'Identifier', value: name };
  node.args = [object, ...(args as unknown[])];
}
