/**
 * How answers are read out of generated texts, rule by rule as the programs do whose numbers are printed: lm-eval's two
 * readings of GSM8K, pyreft's and LLM-Adapters'. Digits are 0 to 9; Python's expressions also take those of other scripts.
 */
import type { Reading } from '../evaluation.ts';
import { strip } from './python-text.ts';

/** Lm-eval's comparison in GSM8K: commas, dollars and all up to `#### ` go; a final full stop goes, too, but not in 2024. */
function plainAnswer(text: string, forgivesStop: boolean): string {
  const bare = text
    .replaceAll(',', '')
    .replaceAll('$', '')
    .replace(/^[^]*#### /, '');
  return (forgivesStop ? bare.replace(/\.$/, '') : bare).toLowerCase();
}

const compare = (answer: string | undefined, gold: string, forgivesStop: boolean): Reading => ({
  ...(answer !== undefined && { answer }),
  // Where nothing was read, lm-eval compares this word.
  isRight: plainAnswer(answer ?? '[invalid]', forgivesStop) === plainAnswer(gold, forgivesStop),
});

/** The number behind the first `#### ` (lm-eval: strict-match, and its only reading in 2024). */
export function strictMatch(text: string, gold: string, forgivesStop = true): Reading {
  return compare(/#### (-?[0-9.,]+)/.exec(text)?.[1], gold, forgivesStop);
}

/** The last thing that looks like a number (lm-eval: flexible-extract). */
export function flexibleExtract(text: string, gold: string): Reading {
  return compare(text.match(/-?[$0-9.,]{2,}|-?[0-9]+/g)?.at(-1), gold, true);
}

/** What follows the first occurrence of a phrase in a text, without white space at its start; empty where there is none. */
function behind(text: string, phrase: string): string {
  const place = text.indexOf(phrase);
  return place < 0 ? '' : text.slice(place + phrase.length).replace(/^\s+/u, '');
}

/** Pyreft on commonsense: all that follows the phrase has to be the answer. */
export function phraseAnswer(whole: string, gold: string): Reading {
  const answer = strip(behind(whole, 'the correct answer is '));
  return { ...(answer !== '' && { answer }), isRight: answer === strip(gold) };
}

const mark = '### Response:';

/** Pyreft on arithmetic: the last number of the response, or its first letter of A to E where the answer is a letter. */
export function arithmeticAnswer(whole: string, gold: string): Reading {
  const response = behind(whole, mark);
  return isNumber(gold) ? numberAnswer(response, gold) : letterAnswer(response, gold);
}

/** LLM-Adapters on arithmetic: the same readings of what stands between the first and a second mark. */
export function responseAnswer(text: string, gold: string): Reading {
  const response = responseOf(text);
  return isNumber(gold) ? numberAnswer(response, gold) : letterAnswer(response, gold);
}

/** LLM-Adapters on commonsense: the first of a set's answers that occurs. */
export function firstAnswer(text: string, gold: string, answers: readonly string[]): Reading {
  const answer = new RegExp(answers.join('|')).exec(responseOf(text))?.[0];
  return { ...(answer !== undefined && { answer }), isRight: answer === gold };
}

/** What a model wrote behind its prompt's mark, up to a second one. */
const responseOf = (text: string): string => strip(text.split(mark, 1)[0]!);

/** Whether Python's float() takes it. */
const isNumber = (text: string): boolean => /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text);

function numberAnswer(response: string, gold: string): Reading {
  const answer = response
    .replaceAll(',', '')
    .match(/-?\d+\.?\d*/g)
    ?.at(-1);
  const difference = answer === undefined ? Infinity : Math.abs(Number(gold) - Number(answer));
  return { ...(answer !== undefined && { answer }), isRight: difference <= 0.001 };
}

function letterAnswer(response: string, gold: string): Reading {
  const answer = /[A-E]/.exec(response)?.[0];
  return { ...(answer !== undefined && { answer }), isRight: answer === gold };
}
