/** Readings of generated texts, as pyreft, LLM-Adapters and lm-eval read them. */
import { describe, expect, test } from 'vitest';
import {
  arithmeticAnswer,
  firstAnswer,
  flexibleExtract,
  phraseAnswer,
  strictMatch,
} from '../../harness/evaluation/suites/answers.ts';
import { golden, hasGolden } from './golden.ts';

interface Case {
  readonly rule: string;
  readonly text: string;
  readonly answer: string;
  readonly set: string;
  readonly read: string | number | null;
  readonly correct: boolean;
  readonly 'strict-match': string;
  readonly 'flexible-extract': string;
  readonly 'get-answer-2024': string;
}

const numbered = (word: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${word}${i + 1}`);
const answersOf: Readonly<Record<string, readonly string[]>> = {
  boolq: ['true', 'false'],
  piqa: numbered('solution', 2),
  hellaswag: numbered('ending', 4),
  winogrande: numbered('option', 2),
};

describe.skipIf(!hasGolden)(
  'texts are read as the references read them (DELTABENCH_DATA: eval-golden)',
  () => {
    const cases = hasGolden ? (golden('answer_cases') as { docs: Case[] }).docs : [];
    const of = (rule: string): Case[] => cases.filter((one) => one.rule === rule);

    test('pyreft, commonsense', () => {
      for (const { text, answer, correct } of of('commonsense-pyreft'))
        expect(phraseAnswer(text, answer).isRight, text).toBe(correct);
    });

    test('pyreft, numbers', () => {
      for (const { text, answer, read, correct } of of('number-pyreft')) {
        const reading = arithmeticAnswer(text, answer);
        expect(reading.isRight, text).toBe(correct);
        expect(reading.answer === undefined ? null : Number(reading.answer), text).toBe(read);
      }
    });

    test('pyreft, letters', () => {
      for (const { text, answer, read, correct } of of('letter-pyreft')) {
        const reading = arithmeticAnswer(text, answer);
        expect([reading.isRight, reading.answer ?? ''], text).toEqual([correct, read]);
      }
    });

    test('LLM-Adapters, commonsense', () => {
      for (const { set, text, read } of of('commonsense-llm-adapters'))
        expect(firstAnswer(text, '', answersOf[set] ?? numbered('answer', 5)).answer ?? '', text).toBe(read);
    });

    test("lm-eval's GSM8K, of today and of January 2024", () => {
      const valid = (text: string): string | undefined => (text === '[invalid]' ? undefined : text);
      for (const one of of('gsm8k')) {
        const right = (filter: string): boolean =>
          (one as unknown as Record<string, number>)[`exact_match,${filter}`] === 1;
        const strict = strictMatch(one.text, one.answer);
        expect([strict.answer, strict.isRight], one.text).toEqual([
          valid(one['strict-match']),
          right('strict-match'),
        ]);
        const flexible = flexibleExtract(one.text, one.answer);
        expect([flexible.answer, flexible.isRight], one.text).toEqual([
          valid(one['flexible-extract']),
          right('flexible-extract'),
        ]);
        const old = strictMatch(one.text, one.answer, false);
        expect([old.answer, old.isRight], one.text).toEqual([
          valid(one['get-answer-2024']),
          right('get-answer-2024'),
        ]);
      }
    });
  },
);

test.each([
  ['The total is 12.5, or 1,250 cents.', '1250', true],
  ['it is 7', '7.0005', true],
  ['it is 7', '7.01', false],
  ['no number', '0', false],
])('the last number of %j against %s', (response, gold, isRight) => {
  expect(arithmeticAnswer(`Ask.\n\n### Response:\n${response}`, gold).isRight).toBe(isRight);
});

test('an answer behind the phrase has to be all that follows', () => {
  expect(phraseAnswer('Which?\nthe correct answer is answer2', 'answer2')).toEqual({
    answer: 'answer2',
    isRight: true,
  });
  expect(phraseAnswer('Which?\nthe correct answer is answer2, I think', 'answer2').isRight).toBe(false);
  expect(phraseAnswer('Which?\nanswer2', 'answer2')).toEqual({ isRight: false });
});
