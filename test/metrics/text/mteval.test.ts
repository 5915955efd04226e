// Tests of BLEU and NIST; golden values are those of mteval-v13a in DELTABENCH_DATA.
import { describe, expect, it } from 'vitest';
import { bleu, bleuMetric } from '../../../harness/metrics/text/bleu.ts';
import { corpusScore } from '../../../harness/metrics/text/corpus-metric.ts';
import { mtevalTokens } from '../../../harness/metrics/text/mteval-tokenizer.ts';
import { nistMetric } from '../../../harness/metrics/text/nist.ts';
import { tokenise } from '../../../harness/metrics/text/segment.ts';
import { goldenCases, goldenInput, goldenSegments, haveGolden } from '../golden.ts';

describe('mtevalTokens', () => {
  it.each([
    ['It costs £20-25 (or so), e.g. 3.5/5.', 'it costs £20 - 25 ( or so ) , e . g . 3.5 / 5 .'],
    ["Don't split well-known words", "don't split well-known words"],
    ['ÉCOLE Fish &amp; Chips &quot;here&quot;', 'École fish & chips " here "'],
    ['1,000.50 and 7.', '1,000.50 and 7 .'],
    [' \u0085\u2003a\u3000b ', 'a b'],
    ['', ''],
  ])('splits %j', (text, expected) => {
    expect(mtevalTokens(text).join(' ')).toBe(expected);
  });
});

describe('BLEU', () => {
  it('is 1 for a reference and 0 for nothing', () => {
    const references = ['a small green tree stands alone'];
    expect(bleu([{ prediction: references[0]!, references }])).toBe(1);
    expect(bleu([{ prediction: '', references }])).toBe(0);
  });

  it('refuses a corpus without segments', () => {
    expect(() => bleu([])).toThrow(RangeError);
  });
});

describe.skipIf(!haveGolden)('official values of mteval-v13a', () => {
  it.each(goldenCases())('$name', (golden) => {
    const segments = tokenise(goldenInput(golden), mtevalTokens);
    const nist = nistMetric(segments.map(({ references }) => references));
    expect(Math.abs(corpusScore(bleuMetric, segments) - golden.full.BLEU)).toBeLessThan(1e-9);
    expect(Math.abs(corpusScore(nist, segments) - golden.full.NIST)).toBeLessThan(1e-9);
    const official = goldenSegments(golden);
    expect(segments.map((segment) => bleuMetric.score(bleuMetric.statistics(segment)))).toBeAllclose(
      official.map(({ perlBLEU }) => perlBLEU),
      { atol: 1e-9, rtol: 0 },
    );
    expect(segments.map((segment) => nist.score(nist.statistics(segment)))).toBeAllclose(
      official.map(({ perlNIST }) => perlNIST),
      { atol: 1e-9, rtol: 0 },
    );
  });
});
