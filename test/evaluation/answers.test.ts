/** Readings of generated texts, as pyreft, LLM-Adapters and lm-eval read them. */
import { describe, expect, test } from 'vitest';
import {
  arithmeticAnswer,
  firstAnswer,
  flexibleExtract,
  phraseAnswer,
  responseAnswer,
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
const mark = '### Response:';
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
      for (const { set, text, read } of of('commonsense-llm-adapters')) {
        const { answer = '' } = firstAnswer(`${mark}${text}`, '', answersOf[set] ?? numbered('answer', 5));
        expect(answer, text).toBe(read);
      }
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

// What Python's own functions gave on made-up texts: LLM-Adapters' at 8166572, pyreft's at dafd099.
test.each([
  ['digits of any script, in texts', 'it is ١٢', '12', true],
  ['digits of any script, in answers', 'it is 3', '３', true],
  ['underscores between digits of an answer', 'it is 1000', '1_000', true],
  ['underscores that are doubled make no number', 'it is A', '1__0', false],
  ['an infinite answer is a number', 'no number', 'inf', false],
  ['white space around an answer', 'it is 7', '\x1c7\n', true],
  ['a byte order mark is no white space', 'it is 7', '\ufeff7', false],
  ['letters are compared without white space', 'it is A', ' A\n', true],
  ['no letter is the empty answer', 'none', '', true],
])('pyreft, arithmetic: %s', (_, response, gold, isRight) => {
  expect(arithmeticAnswer(`Ask.\n\n### Response:\n${response}`, gold).isRight).toBe(isRight);
});

test('pyreft, commonsense: a byte order mark is kept, a separator is not', () => {
  expect(phraseAnswer('the correct answer is \ufefftrue', 'true').isRight).toBe(false);
  expect(phraseAnswer('the correct answer is \x1ctrue\x85', 'true').isRight).toBe(true);
});

test('LLM-Adapters reads between the first mark and the second, wherever the first stands', () => {
  expect(firstAnswer('### Response: true\n### Response: false', 'true', ['true', 'false']).isRight).toBe(
    true,
  );
  expect(responseAnswer('Say 5.\n### Response: 12 ### Response: 5', '12', false).isRight).toBe(true);
});

test.each([
  ['AQuA alone has letters', 'Because 5', '5', true, { answer: 'B', isRight: false }],
  ['and the others numbers', 'Because 5', '5', false, { answer: '5', isRight: true }],
  ['letters are compared as they are', 'it is A', 'A\n', true, { answer: 'A', isRight: false }],
  ['special tokens are read, too', 'it is 7<|extra_3|>', '7', false, { answer: '3', isRight: false }],
])('LLM-Adapters, arithmetic: %s', (_, response, gold, isLetter, reading) => {
  expect(responseAnswer(`### Response:\n${response}`, gold, isLetter)).toEqual(reading);
});
