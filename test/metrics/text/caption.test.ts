// Tests of PTB tokens, ROUGE-L and CIDEr; golden values are those of pycocoevalcap in DELTABENCH_DATA.
import { describe, expect, it } from 'vitest';
import { ciderMetric } from '../../../harness/metrics/text/cider.ts';
import { corpusScore } from '../../../harness/metrics/text/corpus-metric.ts';
import { ptbTokens } from '../../../harness/metrics/text/ptb-tokenizer.ts';
import { rougeLMetric } from '../../../harness/metrics/text/rouge-l.ts';
import { tokenise } from '../../../harness/metrics/text/segment.ts';
import { goldenCases, goldenInput, goldenSegments, goldenText, haveGolden } from '../golden.ts';

describe('ptbTokens', () => {
  it.each([
    ["The kids' menu isn't long, it's short.", "the kids menu is n't long it 's short"],
    ['You cannot miss it: gonna be near No. 7!', 'you can not miss it gon na be near no. 7'],
    [
      'A well-known (cheap) pub, rated 3/5 or 4.5/5.',
      'a well-known -lrb- cheap -rrb- pub rated 3/5 or 4.5 / 5',
    ],
    ['Tea is £5-9, soup €4 and 20p extra', 'tea is # 5-9 soup $ 4 and 20p extra'],
    [
      'Mr. Green, i.e. the owner, opens at 9 a.m. and/or later.The end..',
      'mr. green i.e. the owner opens at 9 a.m. and/or later.the end',
    ],
    ['“Blue” … ‘green’ -- red', 'blue green red'],
    ['the <b>big</b> R&B bar', 'the <b> big </b> r&b bar'],
    ['sunny😀day Ünï', 'sunny day ünï'],
    ['we stayed 2 1/2 days', 'we stayed 2\u00a01/2 days'],
    ['', ''],
  ])('splits %j', (text, expected) => {
    expect(ptbTokens(text).join(' ')).toBe(expected);
  });
});

describe('ROUGE-L', () => {
  const row = (prediction: string, ...references: string[]) =>
    rougeLMetric.statistics(tokenise([{ prediction, references }], ptbTokens)[0]!);

  it('takes the best precision and the best recall of different references', () => {
    // The long reference gives precision 1, the short one recall 1.
    expect([...row('the red boat', 'the red boat sails home today', 'boat')]).toEqual([1, 1]);
  });

  it('compares empty texts as one empty word', () => {
    expect([...row('', '')]).toEqual([1, 1]);
    expect([...row('', 'boat')]).toEqual([0, 1]);
  });
});

describe.skipIf(!haveGolden)('official tokens', () => {
  it.each(['e2e-test', 'e2e-dev-without-first', 'edge', 'example-devel-conc', 'red-label'])('%s', (name) => {
    // Lines without tokens are dropped on both sides: they look like the blank lines between instances.
    const lines = (folder: string) => goldenText(`${folder}/${name}.txt`).split('\n');
    const tokens = lines('refs').map((line) => ptbTokens(line).join(' '));
    expect(tokens.filter(Boolean)).toEqual(lines('ptb').filter((line) => line.trim() !== ''));
  });
});

describe.skipIf(!haveGolden)('official values of pycocoevalcap', () => {
  it.each(goldenCases())('$name', (golden) => {
    const segments = tokenise(goldenInput(golden), ptbTokens);
    const cider = ciderMetric(segments.map(({ references }) => references));
    expect(Math.abs(corpusScore(rougeLMetric, segments) - golden.full.ROUGE_L)).toBeLessThan(1e-9);
    expect(Math.abs(corpusScore(cider, segments) - golden.full.CIDEr)).toBeLessThan(1e-9);
    const official = goldenSegments(golden);
    expect(segments.map(({ prediction }) => prediction.join(' '))).toEqual(official.map(({ tok }) => tok));
    expect(segments.map((segment) => rougeLMetric.statistics(segment)[0]!)).toBeAllclose(
      official.map(({ ROUGE_L }) => ROUGE_L),
      { atol: 1e-9, rtol: 0 },
    );
    expect(segments.map((segment) => cider.statistics(segment)[0]!)).toBeAllclose(
      official.map(({ CIDEr }) => CIDEr),
      { atol: 1e-9, rtol: 0 },
    );
  });
});
