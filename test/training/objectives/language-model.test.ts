// Which tokens of a text are learnt: the answer's, or all but the first.
import { expect, test } from 'vitest';
import { languageModel } from '../../../harness/training/objectives/language-model.ts';
import { tinyBase } from '../../methods/tiny.ts';

const pairs = [
  { prompt: [5, 6, 7], target: [8, 9] },
  { prompt: [4], target: [3] },
  { prompt: [], target: [2, 1] },
];

test.each([
  ['answer', [8, 9, 3, 1], [2, 1, 1]],
  ['everything', [6, 7, 8, 9, 3, 1], [4, 1, 1]],
] as const)('loss on %s', async (lossOn, targets, counts) => {
  const { architecture } = await tinyBase('llama');
  const { targetsOf, sizesOf, fill } = languageModel(architecture, 0, { lossOn });
  expect(pairs.map(targetsOf)).toEqual(counts);
  const shape = sizesOf(pairs);
  expect(shape.targets).toBe(targets.length);
  const { targetIds, targetWeights, prompt } = fill(pairs, shape, 0.5);
  expect([...targetIds!]).toEqual(targets);
  expect([...targetWeights!]).toEqual(targets.map(() => 0.5));
  // Methods that edit prompts still see them.
  expect([...prompt!].filter((is) => is === 1)).toHaveLength(4);
});

test('the longest examples of a step do not learn their last token, which is counted all the same', async () => {
  const { architecture } = await tinyBase('llama');
  const learnt = { lossOn: 'everything', endOfLongest: 'not-learnt' } as const;
  const { together, sizesOf, targetsOf, fill } = languageModel(architecture, 0, learnt);
  const marked = together!([...pairs, { prompt: [5], target: [6, 7, 8, 9] }]);
  expect(marked.map(({ endUnlearnt }) => endUnlearnt)).toEqual([true, undefined, undefined, true]);
  expect(marked.map(targetsOf)).toEqual([4, 1, 1, 4]);
  const { targetIds, targetWeights } = fill(marked, sizesOf(marked), 0.5);
  expect([...targetIds!]).toEqual([6, 7, 8, 9, 3, 1, 6, 7, 8, 9]);
  expect([...targetWeights!]).toEqual([0.5, 0.5, 0.5, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 0]);
});
