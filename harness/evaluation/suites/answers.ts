/**
 * Reads answers out of generated texts, rule by rule like the programs whose numbers papers print: lm-eval's
 * two readings of GSM8K, pyreft's and LLM-Adapters'.
 */
import type { Reading } from '../evaluation.ts';
import { parseFloatText, strip, stripStart } from '../../support/python-text.ts';

/**
 * An answer as lm-eval compares it in GSM8K: without commas, dollars, the text up to `#### ` and a final full
 * stop (kept in 2024).
 */
function plainAnswer(text: string, forgivesStop: boolean): string {
  const bare = text
    .replaceAll(',', '')
    .replaceAll('$', '')
    .replace(/^[^]*#### /, '');
  return (forgivesStop ? bare.replace(/\.$/, '') : bare).toLowerCase();
}

/** The reading of a text; `answer` is undefined where it has none that can be read. */
const readingOf = (answer: string | undefined, isRight: boolean): Reading => ({
  ...(answer !== undefined && { answer }),
  isRight,
});

function compare(answer: string | undefined, gold: string, forgivesStop: boolean): Reading {
  // Lm-eval compares this word where nothing was read.
  const own = plainAnswer(answer ?? '[invalid]', forgivesStop);
  return readingOf(answer, own === plainAnswer(gold, forgivesStop));
}

/** The number after the first `#### ` (lm-eval's strict-match, its only reading in 2024). */
export function strictMatch(text: string, gold: string, forgivesStop = true): Reading {
  return compare(/#### (-?[0-9.,]+)/.exec(text)?.[1], gold, forgivesStop);
}

/** The last stretch that looks like a number (lm-eval's flexible-extract). */
export function flexibleExtract(text: string, gold: string): Reading {
  return compare(text.match(/-?[$0-9.,]{2,}|-?[0-9]+/g)?.at(-1), gold, true);
}

/**
 * The text after the first occurrence of a phrase, without leading white space; empty where there is none.
 */
function textAfter(text: string, phrase: string): string {
  const place = text.indexOf(phrase);
  return place < 0 ? '' : stripStart(text.slice(place + phrase.length));
}

/** Compares as Python does, where an answer that was not read is the empty text. */
const equals = (answer: string | undefined, gold: string): Reading =>
  readingOf(answer, (answer ?? '') === gold);

/** Pyreft's reading of commonsense: all text after the phrase must be the answer. */
export function phraseAnswer(whole: string, gold: string): Reading {
  const answer = strip(textAfter(whole, 'the correct answer is '));
  return equals(answer === '' ? undefined : answer, strip(gold));
}

/** The line after which a response begins. */
const mark = '### Response:';

/**
 * Pyreft's reading of arithmetic: the response's last number, or its first letter of A to E where the answer
 * is no number.
 */
export function arithmeticAnswer(whole: string, gold: string): Reading {
  const response = textAfter(whole, mark);
  const number = parseFloatText(gold);
  return number === undefined ? letterAnswer(response, strip(gold)) : numberAnswer(response, number);
}

/** LLM-Adapters' reading of arithmetic: the response's last number, or its first letter of A to E. */
export function responseAnswer(whole: string, gold: string, isLetter: boolean): Reading {
  const response = responseOf(whole);
  return isLetter ? letterAnswer(response, gold) : numberAnswer(response, parseFloatText(gold) ?? NaN);
}

/** LLM-Adapters' reading of commonsense: the first of a set's answers that occurs. */
export function firstAnswer(whole: string, gold: string, answers: readonly string[]): Reading {
  return equals(new RegExp(answers.join('|')).exec(responseOf(whole))?.[0], gold);
}

/** The text between the first mark and a second one. */
const responseOf = (whole: string): string => strip(whole.split(mark, 2)[1] ?? '');

/** The last number of a text against the right one, from which it may be 0.001 away. */
export function numberAnswer(response: string, gold: number): Reading {
  const answer = response
    .replaceAll(',', '')
    .match(/-?\p{Nd}+\.?\p{Nd}*/gu)
    ?.at(-1);
  const read = answer === undefined ? Infinity : parseFloatText(answer)!;
  return readingOf(answer, Math.abs(gold - read) <= 0.001);
}

const letterAnswer = (response: string, gold: string): Reading => equals(/[A-E]/.exec(response)?.[0], gold);
