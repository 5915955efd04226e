/**
 * Reads answers out of texts and compares them as peft's method_comparison does (MetaMathQA/utils.py). The
 * task metamath scores by it.
 */
import { strip, stripCharacters, stripEnd } from '../../../support/python-text.ts';

/** What stands before an answer; the first that occurs anywhere in a text counts. */
const phrases = [
  'The answer is: ',
  'The answer is ',
  'The final answer is: ',
  'The final answer is ',
  '#### ',
];

/** The answer of a text, prompt included: the line after the phrase's last occurrence; undefined without one. */
export function readAnswer(text: string): string | undefined {
  const whole = stripEnd(strip(text), '.!?');
  const phrase = phrases.find((one) => whole.includes(one));
  if (phrase === undefined) return undefined;
  const after = strip(whole.slice(whole.lastIndexOf(phrase) + phrase.length));
  return stripCharacters(after.split('\n', 1)[0]!, ' .!?$%');
}

/**
 * Whether two answers are equal: decimals and fractions by the nearest double, all others as texts. Commas
 * make an answer a text unless they are read.
 */
export function isEqualAnswer(answer: string | undefined, gold: string, readsCommas: boolean): boolean {
  if (answer === undefined) return false;
  const [own, right] = readsCommas ? [answer, gold].map((text) => text.replaceAll(',', '')) : [answer, gold];
  const [ownNumber, rightNumber] = [numberOf(own!), numberOf(right!)];
  if (ownNumber === undefined && rightNumber === undefined) return own === right;
  return ownNumber === rightNumber;
}

/** A decimal of Python's as a whole number of units 10^exponent. */
interface Decimal {
  readonly units: bigint;
  readonly exponent: number;
}

/** The double that is nearest to a decimal or a fraction of two; undefined for any other text. */
function numberOf(text: string): number | undefined {
  // Python's Decimal() takes these words, too.
  if (/^[+-]?nan\d*$/i.test(text)) return NaN;
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  const parts = text.split('/');
  if (parts.length === 1) return decimalOf(text) && Number(plainDecimal(text));
  const [numerator, denominator] = parts.map(decimalOf);
  if (parts.length !== 2 || !numerator || !denominator || denominator.units === 0n) return undefined;
  return quotient(numerator, denominator);
}

/** The digits of a quotient that Python's decimal module keeps. */
const DIGITS = 28;

/** The quotient of two decimals, rounded half to even at 28 digits as Python's decimal module does. */
function quotient(numerator: Decimal, denominator: Decimal): number {
  const isNegative = numerator.units < 0n !== denominator.units < 0n;
  const [above, below] = [numerator, denominator].map(({ units }) => (units < 0n ? -units : units)) as [
    bigint,
    bigint,
  ];
  // Enough digits for 28 before rounding, whatever the lengths.
  const shift = Math.max(0, DIGITS + 2 + String(below).length - String(above).length);
  const scaled = above * 10n ** BigInt(shift);
  const whole = scaled / below;
  const surplus = Math.max(0, String(whole).length - DIGITS);
  const unit = 10n ** BigInt(surplus);
  const kept = whole / unit;
  const rest = (whole % unit) * 2n;
  const isExact = scaled % below === 0n;
  const isUp = rest > unit || (rest === unit && (!isExact || kept % 2n === 1n));
  const exponent = surplus - shift + numerator.exponent - denominator.exponent;
  return Number(`${isNegative ? '-' : ''}${kept + (isUp ? 1n : 0n)}e${exponent}`);
}

/** A text as Python's Decimal() takes it, without white space and underscores. */
const plainDecimal = (text: string): string => strip(text).replaceAll('_', '');

function decimalOf(text: string): Decimal | undefined {
  const found = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(plainDecimal(text));
  const [, sign, whole = '', fraction = '', power = '0'] = found ?? [];
  if (!found || whole + fraction === '') return undefined;
  const units = BigInt(whole + fraction);
  return { units: sign === '-' ? -units : units, exponent: Number(power) - fraction.length };
}
