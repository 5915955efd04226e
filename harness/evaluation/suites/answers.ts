/**
 * Reads answers out of generated texts, rule by rule like the programs whose numbers papers print: lm-eval's
 * two readings of GSM8K, pyreft's and LLM-Adapters'. Digits are 0 to 9; Python's expressions also take those
 * of other scripts.
 */
import type { Reading } from '../evaluation.ts';
import { strip } from '../../support/python-text.ts';

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
  return place < 0 ? '' : text.slice(place + phrase.length).replace(/^\s+/u, '');
}

/** Pyreft's reading of commonsense: all text after the phrase must be the answer. */
export function phraseAnswer(whole: string, gold: string): Reading {
  const answer = strip(textAfter(whole, 'the correct answer is '));
  return readingOf(answer === '' ? undefined : answer, answer === strip(gold));
}

/** The line after which a response begins. */
const mark = '### Response:';

/**
 * Pyreft's reading of arithmetic: the response's last number, or its first letter of A to E where the answer
 * is a letter.
 */
export function arithmeticAnswer(whole: string, gold: string): Reading {
  return numberOrLetter(textAfter(whole, mark), gold);
}

/** LLM-Adapters' reading of arithmetic: the same, of the response up to a second mark. */
export function responseAnswer(text: string, gold: string): Reading {
  return numberOrLetter(responseOf(text), gold);
}

/** LLM-Adapters' reading of commonsense: the first of a set's answers that occurs. */
export function firstAnswer(text: string, gold: string, answers: readonly string[]): Reading {
  const answer = new RegExp(answers.join('|')).exec(responseOf(text))?.[0];
  return readingOf(answer, answer === gold);
}

/** The generated text up to a second mark; the prompt ends with the first. */
const responseOf = (text: string): string => strip(text.split(mark, 1)[0]!);

/** Whether Python's float() takes a text. */
const isNumber = (text: string): boolean => /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text);

const numberOrLetter = (response: string, gold: string): Reading =>
  isNumber(gold) ? numberAnswer(response, gold) : letterAnswer(response, gold);

function numberAnswer(response: string, gold: string): Reading {
  const answer = response
    .replaceAll(',', '')
    .match(/-?\d+\.?\d*/g)
    ?.at(-1);
  const difference = answer === undefined ? Infinity : Math.abs(Number(gold) - Number(answer));
  return readingOf(answer, difference <= 0.001);
}

function letterAnswer(response: string, gold: string): Reading {
  const answer = /[A-E]/.exec(response)?.[0];
  return readingOf(answer, answer === gold);
}
