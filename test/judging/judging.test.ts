// Readings, rates and files of judgements on made-up answers; what reads foreign texts also on damaged ones.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cohen } from '../../harness/judging/agreement.ts';
import { alpacaEvalJudging, isSwitched, readPreference } from '../../harness/judging/alpaca-eval.ts';
import { dollars, effortOf } from '../../harness/judging/cost.ts';
import { readJudgePrompts } from '../../harness/judging/mt-bench-prompts.ts';
import { pairwiseJudging } from '../../harness/judging/mt-bench-pairwise.ts';
import { singleJudging } from '../../harness/judging/mt-bench-single.ts';
import { pythonLiteral } from '../../harness/judging/python-literal.ts';
import { judgedExamplesText, parseJudgedExamples } from '../../harness/records/beside/judged-examples.ts';
import { readDamaged } from '../fuzz.ts';

const questions = ['A river?', 'A lake?', 'A sea?'].map((text, id) => ({
  id,
  category: 'own',
  turns: [text, 'Another?'],
}));
const set = (model: string) => ({
  model,
  turns: new Map(questions.map(({ id }) => [id, [`${model} ${id}`, model]])),
});
const [own, other] = [set('tiny'), set('large')];
const names = ['pair-v2', 'pair-math-v1', 'pair-v2-multi-turn', 'pair-math-v1-multi-turn'];
const singles = names.map((name) => name.replace('pair-v2', 'single-v1').replace('pair', 'single'));
const lines = [...names, ...singles].map((name) =>
  JSON.stringify({
    name,
    system_prompt: name,
    prompt_template: '{{}}' + (name.endsWith('turn') ? '' : '{question}'),
  }),
);
const prompts = (mode: 'single' | 'pair') => readJudgePrompts(lines.join('\n'), 'prompts', mode);
const template = '<|im_start|>user\n{instruction}|{output_1}|{output_2}<|im_end|>';

test('a comparison in both orders: a winner only where they agree, and what the order decided', () => {
  const judging = pairwiseJudging({ questions, answers: own }, other, prompts('pair'));
  const replies: [string, string | undefined][] = [
    ['0/1/1', '[[A]]'],
    ['0/1/2', '[[B]]'],
    ['0/2/1', '[[A]]'],
    ['0/2/2', '[[A]]'],
    ['1/1/1', '[[B]]'],
    ['1/1/2', '[[B]]'],
    ['1/2/1', '[[C]]'],
    ['1/2/2', 'C'],
    ['2/1/1', 'both [[B]] and [[A]]'],
    ['2/1/2', undefined],
    ['2/2/1', '[[B]]'],
    ['2/2/2', '[[A]]'],
  ];
  const judged = judging.judge(new Map(replies));
  expect(judged.map(({ verdict }) => verdict)).toEqual(['model_1', 'tie', 'tie', null, null, 'model_2']);
  expect(judged.map(({ isFailed }) => isFailed)).toEqual([false, false, false, false, true, false]);
  expect(judging.metrics(judged)).toEqual([
    { name: 'win_rate_adjusted', value: 0.5 },
    { name: 'win_rate', value: 0.25 },
    { name: 'loss_rate', value: 0.25 },
    { name: 'n_total', value: 4 },
  ]);
  expect(judging.orderBias!(judged)).toEqual({ judgements: 4, first: 0.25, second: 0.25 });
});

test.each(['alpaca-eval', 'single', 'pair'] as const)(
  '%s: its file reads back as the same judgements',
  (mode) => {
    const judging =
      mode === 'alpaca-eval'
        ? alpacaEvalJudging({ questions, answers: own }, other, template)
        : mode === 'single'
          ? singleJudging({ questions, answers: own }, prompts('single'))
          : pairwiseJudging({ questions, answers: own }, other, prompts('pair'));
    const texts = [
      "[{'model': 'model_1', 'rank': 1}] [[7]] [[A]]",
      'nothing',
      "[{'model': 'model_1', 'rank': 2}]",
    ];
    const replies = new Map(judging.calls.map(({ key }, i) => [key, texts[i % 3]]));
    const judged = judging.judge(replies);
    const { text } = judging.file(judged, 'judge', new Date(0));
    expect(judging.recorded(text, 'file')).toEqual(judged);
    const rival = mode === 'single' ? undefined : other;
    const examples = parseJudgedExamples(judgedExamplesText(judged, questions, own, rival));
    expect(examples.map(({ verdict, texts }) => ({ verdict, texts }))).toEqual(
      judged.map(({ verdict, texts }) => ({ verdict, texts })),
    );
    expect(examples.at(-1)).toMatchObject({
      id: 2,
      question: mode === 'alpaca-eval' ? ['A sea?'] : ['A sea?', 'Another?'],
      answers: mode === 'alpaca-eval' ? ['tiny 2'] : ['tiny 2', 'tiny'],
      other: mode === 'single' ? null : mode === 'pair' ? ['large 2', 'large'] : ['large 2'],
    });
  },
);

test('the drawn order of a comparison decides who stands first, and its bias is told', () => {
  const judging = alpacaEvalJudging({ questions, answers: own }, other, template);
  for (const { messages, key } of judging.calls) {
    const { turns } = questions[Number(key)]!;
    const first = isSwitched(turns[0]!) ? 'tiny' : 'large';
    expect(messages[0]!.content.split('|')[1]).toBe(`${first} ${key}`);
  }
  const judged = judging.judge(
    new Map(judging.calls.map(({ key }) => [key, "[{'model': 'model_1', 'rank': 1}]"])),
  );
  expect(judging.orderBias!(judged)).toMatchObject({ judgements: 3, first: 1, second: 0 });
});

// By scikit-learn 1.9.1's cohen_kappa_score.
test("Cohen's kappa is scikit-learn's", () => {
  const [a, b] = ['AABBTTABAB', 'ABBBTAABAA'];
  const { equal, kappa } = cohen(Array.from(a, (sign, i) => [sign, b[i]!] as const));
  expect(equal).toBe(0.7);
  expect(kappa).toBeCloseTo(0.5161290322580645, 14);
  expect(cohen([['A', 'A']])).toEqual({ equal: 1, kappa: null });
});

test('tokens are estimated by bytes, and priced a token', () => {
  const calls = [{ key: '1', messages: [{ role: 'user', content: 'äää' } as const] }];
  const effort = effortOf(calls, 100);
  expect(effort).toEqual({ calls: 1, promptTokens: 6, replyTokens: 100 });
  expect(dollars({ input_cost_per_token: 0.5, output_cost_per_token: 0.01 }, effort)).toBe(4);
});

// By ast.literal_eval of CPython 3.11.
test.each<[string, unknown]>([
  ['[1, -2.5, .5, 1e3, 0x1F, 1_000]', [1, -2.5, 0.5, 1000, 31, 1000]],
  ['\'a\' "b"\n', 'ab'],
  ["'\\x41\\u00e4\\n\\q'", 'Aä\n\\q'],
  ["r'\\n'", '\\n'],
  ["'''a\nb'''", 'a\nb'],
  ['(1,)', [1]],
  ['(1)', 1],
  ['1, 2', [1, 2]],
  ['[True, None,] # end', [true, null]],
  ['[1', undefined],
  ["'a\n'", undefined],
  ['01', undefined],
  ['name', undefined],
  ['1 2', undefined],
  ['', undefined],
])('the Python literal %j', (text, value) => {
  expect(pythonLiteral(text)).toEqual(value);
});

test('any text is read as a preference or none', () => {
  const signs = fc.constantFrom(
    ...`[{('"model_1rank':,12)}]\\ `.split(''),
    "'model'",
    "'rank'",
    "'model_1'",
    'True',
  );
  fc.assert(
    fc.property(
      fc.array(signs).map((parts) => parts.join('')),
      (text) => {
        expect([1, 2, undefined]).toContain(readPreference(text));
      },
    ),
    { seed: 21 },
  );
});

test('damaged files of judgements and prompts give judgements or one line of refusal', async () => {
  const judging = singleJudging({ questions, answers: own }, prompts('single'));
  const { text } = judging.file(judging.judge(new Map()), 'judge', new Date(0));
  const cut = (whole: string) =>
    fc
      .tuple(fc.nat(whole.length), fc.string({ maxLength: 3 }))
      .map(([at, more]) => whole.slice(0, at) + more + whole.slice(at + more.length));
  const read = await readDamaged(cut(text), (damaged) => judging.recorded(damaged, 'file'));
  expect(read.refused).toBeGreaterThan(0);
  await readDamaged(cut(lines.join('\n')), (damaged) => readJudgePrompts(damaged, 'file', 'single'));
});
