/** METEOR 1.5's normalisation of text. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

/** The letters that METEOR 1.5 knows: Western European, Cyrillic and phonetic. */
const ALPHA = 'A-Za-zŠŽšžŸÀ-ÖØ-öø-ž\\u0400-\\u0527\\ua640-\\ua66e\\ua67e-\\ua697\\u1d00-\\u1d7f';
const ALNUM = `0-9${ALPHA}`;

const regex = (source: string): RegExp => new RegExp(source, 'gu');
const OTHER = regex(`[^${ALNUM}\\s.'\`,\\-‘’]`.replace('\\s', ' \\t\\n\\v\\f\\r'));
const DASH_IN_WORD = regex(`([${ALNUM}.])-([${ALNUM}])`);
// Applied in this order, each to the whole text: commas stay inside numbers, contractions join the word on
// the right.
const COMMAS = [regex('([^0-9]),([^0-9])'), regex('([0-9]),([^0-9])'), regex('([^0-9]),([0-9])')];
const APOSTROPHES = [
  regex(`([^${ALPHA}])'([^${ALPHA}])`),
  regex(`([^${ALPHA}0-9])'([${ALPHA}])`),
  regex(`([${ALPHA}])'([^${ALPHA}])`),
];
const CONTRACTIONS = [regex(`([${ALPHA}])'([${ALPHA}])`), regex("([0-9])'(s)")];
const MIXED = new RegExp(`[${ALPHA}]`, 'u');

/** Words that keep a full stop: always, or only before a number. */
function readPrefixes(): Map<string, 'always' | 'number'> {
  const text = readFileSync(path.join(import.meta.dirname, 'data', 'english.prefixes'), 'utf8');
  const prefixes = new Map<string, 'always' | 'number'>();
  for (const line of text.split('\n')) {
    const [prefix = '', condition] = line.trim().split(/\s+/);
    if (prefix !== '' && !prefix.startsWith('#')) {
      prefixes.set(prefix, condition === '#NUMERIC_ONLY#' ? 'number' : 'always');
    }
  }
  return prefixes;
}

const PREFIXES = readPrefixes();

/** Splits off the last full stop of a word, unless it belongs to the word. */
function splitStop(word: string, next: string | undefined): string {
  if (word.length < 2 || !word.endsWith('.') || /^\.+$/.test(word)) return word;
  const prefix = word.slice(0, -1);
  if (prefix.includes('.') && MIXED.test(prefix)) return word.replaceAll('.', '');
  const condition = PREFIXES.get(prefix);
  if (condition === 'always' || (next !== undefined && /^[a-z]/.test(next))) return word;
  if (condition === 'number' && next !== undefined && /^[0-9]/.test(next)) return word;
  return `${prefix} .`;
}

/**
 * Splits a text into the words that METEOR 1.5 compares (`-l en -norm`): as Moses' tokeniser, with
 * punctuation, in lower case.
 */
export function meteorWords(text: string): string[] {
  // Several full stops in a row are one word.
  let line = ` ${text} `.replace(OTHER, ' $& ').replace(/\.{2,}/g, ' $& ');
  for (const comma of COMMAS) line = line.replace(comma, '$1 , $2');
  line = line
    .replace(/[`‘’]/g, "'")
    .replace(/[“”]|''/g, ' " ')
    .replaceAll('–', '-')
    .replaceAll('--', '-')
    .replace(DASH_IN_WORD, '$1 $2');
  for (const apostrophe of APOSTROPHES) line = line.replace(apostrophe, "$1 ' $2");
  for (const contraction of CONTRACTIONS) line = line.replace(contraction, "$1 '$2");
  const words = line.split(/[ \t\n\f\r]+/).filter(Boolean);
  return words
    .map((word, i) => splitStop(word, words[i + 1]))
    .join(' ')
    .toLowerCase()
    .split(/[ \t\n\f\r\u2000-\u200a\u202f\u205f\u3000\u00a0]+/)
    .filter(Boolean);
}
