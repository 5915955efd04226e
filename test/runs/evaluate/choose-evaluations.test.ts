// Tests of naming evaluations: groups, settings in names, and what does not exist.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Evaluation, EvaluationProtocol } from '../../../harness/evaluation/evaluation.ts';
import {
  chooseEvaluations,
  columnName,
  evaluationsOf,
  type EvaluationDefaults,
} from '../../../harness/runs/evaluate/choose-evaluations.ts';
import { documentLimit } from '../../../harness/runs/evaluate/document-limit.ts';
import { loadEvaluations } from '../../../harness/runs/plan/load-plugins.ts';
import { readDamaged } from '../../fuzz.ts';

const all = await loadEvaluations();
const choose = (texts: readonly string[], defaults: EvaluationDefaults = {}) =>
  chooseEvaluations(texts, all, defaults);
const settled = (texts: readonly string[], defaults?: EvaluationDefaults) =>
  evaluationsOf(choose(texts, defaults)).map(({ evaluation, protocol, shots, limit }) =>
    [evaluation.name, protocol, shots, limit ?? 'all'].join(' '),
  );

test("an evaluation has its first protocol and that protocol's shots, unless it is asked otherwise", () => {
  expect(settled(['arc-easy'])).toEqual(['arc-easy lm-eval 0 all']);
  expect(settled(['arc_easy'], { protocol: 'red' })).toEqual(['arc-easy red 25 all']);
  expect(settled(['arc-easy'], { shots: 3, limit: 7 })).toEqual(['arc-easy lm-eval 3 7']);
  expect(settled(['commonsense-boolq'])).toEqual(['commonsense-boolq pyreft 0 all']);
});

test('settings of a name go before those of the command', () => {
  const defaults = { protocol: 'red', shots: 1, limit: 2 };
  expect(settled(['arc-easy~shots=5,protocol=lm-eval', 'winogrande~limit=9'], defaults)).toEqual([
    'arc-easy lm-eval 5 2',
    'winogrande red 1 9',
  ]);
  expect(settled(['arc-easy~shots=5~limit=4'])).toEqual(['arc-easy lm-eval 5 4']);
  expect(settled(['arc-easy~limit=.25'])).toEqual(['arc-easy lm-eval 0 0.25']);
});

test.each([
  [0.1, 150, 15],
  [0.1, 151, 16],
  [0.07, 100, 8],
  [0.0001, 3, 1],
  [0.999, 3, 3],
  [7, 3, 7],
  [undefined, 3, undefined],
])("the limit %s of %d documents is %s, as lm-eval's ceil(n · limit)", (limit, documents, left) => {
  expect(documentLimit(limit, documents)).toBe(left);
});

test.each([
  ['ai2-arc', 2],
  ['mmlu', 57],
  ['mmlu-stem', 19],
  ['mmlu_social_sciences', 12],
  ['mmlu-other', 13],
  ['mmlu-humanities', 13],
  ['commonsense', 8],
  ['arithmetic', 7],
])('the group %s has %d evaluations', (name, count) => {
  const [group] = choose([name]);
  expect(group).toMatchObject({ name: name.replaceAll('_', '-'), isGroup: true });
  expect(group!.members).toHaveLength(count);
});

test('what is asked for twice is done once; other settings are another evaluation', () => {
  expect(settled(['mmlu-stem', 'mmlu', 'mmlu-anatomy'])).toHaveLength(57);
  const both = choose(['arc-easy', 'arc-easy~shots=5', 'arc-easy~shots=5']);
  expect(evaluationsOf(both)).toHaveLength(2);
});

test('columns name settings where an evaluation is asked for in several ways', () => {
  const members = evaluationsOf(
    choose(['arc-easy', 'arc-easy~shots=5', 'winogrande', 'restaurants~limit=3']),
  );
  expect(members.map((member) => columnName(member, members))).toEqual([
    'arc-easy~shots=0,protocol=lm-eval',
    'arc-easy~shots=5,protocol=lm-eval',
    'winogrande',
    'restaurants',
  ]);
});

test.each<[string, EvaluationDefaults, RegExp]>([
  ['arc-esy', {}, /There is no evaluation "arc-esy"\. Did you mean "arc-easy"\? Evaluations: /],
  ['', {}, /There is no evaluation ""/],
  ['arc-easy~shot=1', {}, /arc-easy~shot=1: an evaluation has no setting shot\. Did you mean "shots"\?/],
  ['arc-easy~shots=-1', {}, /shots must be a whole number from 0 on/],
  ['arc-easy~shots=1.5', {}, /shots must be a whole number from 0 on/],
  ['arc-easy~limit=0', {}, /limit must be a whole number from 1 on, or a share between 0 and 1 such as 0\.1/],
  ['arc-easy~limit=1.5', {}, /limit must be a whole number from 1 on, or a share/],
  ['arc-easy~limit=0.0', {}, /limit must be a whole number from 1 on, or a share/],
  ['arc-easy~limit=1e-2', {}, /limit must be a whole number from 1 on, or a share/],
  ['arc-easy~protocol=rde', {}, /--protocol rde: it can be lm-eval, .* Did you mean "red"\?/],
  [
    'arc-easy',
    { protocol: 'pyreft' },
    /--protocol pyreft: arc-easy has none of this kind; it can be lm-eval, /,
  ],
  ['truthfulqa-mc1', { shots: 2 }, /--shots 2: truthfulqa-mc1 has a prompt of its own/],
])('%j with %j is refused', (text, defaults, message) => {
  expect(() => choose([text], defaults)).toThrow(message);
});

/** A made-up evaluation of the given protocols. */
const evaluation = (name: string, protocols: readonly EvaluationProtocol[], groups: string[]) =>
  ({
    name,
    groups,
    shots: Object.fromEntries(protocols.map((protocol, i) => [protocol, i])),
  }) as unknown as Evaluation;

test('any names and settings give each evaluation once, or one line that says why not', async () => {
  const own = new Map(
    [
      evaluation('a', ['red', 'lm-eval'], ['g']),
      evaluation('b', ['pyreft'], ['g', 'h']),
      evaluation('c', ['lm-eval'], []),
    ].map((one) => [one.name, one]),
  );
  const settings = ['', '', '~shots=2', '~limit=1', '~protocol=red', '~protocol=pyreft,shots=0', '~x=1', '~'];
  const text = fc
    .tuple(fc.constantFrom('a', 'b', 'c', 'g', 'h', 'x'), fc.constantFrom(...settings))
    .map((parts) => parts.join(''));
  const { accepted, refused } = await readDamaged(fc.array(text, { minLength: 1, maxLength: 3 }), (texts) => {
    const chosen = evaluationsOf(chooseEvaluations(texts, own));
    const keys = chosen.map((one) =>
      JSON.stringify([one.evaluation.name, one.protocol, one.shots, one.limit]),
    );
    expect(new Set(keys).size).toBe(keys.length);
    expect(chosen.every((one) => one.evaluation.shots[one.protocol] !== undefined)).toBe(true);
  });
  expect(Math.min(accepted, refused)).toBeGreaterThan(10);
});
