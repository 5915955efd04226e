// Tests of METEOR; golden values are those of the official METEOR 1.5 in DELTABENCH_DATA.
import { describe, expect, it } from 'vitest';
import { corpusScore, sumRows, type CorpusMetric } from '../../../harness/metrics/text/corpus-metric.ts';
import { meteorMetric } from '../../../harness/metrics/meteor/meteor.ts';
import { meteorWords } from '../../../harness/metrics/meteor/normalizer.ts';
import { loadParaphrases } from '../../../harness/metrics/meteor/paraphrases.ts';
import { Synonyms } from '../../../harness/metrics/meteor/synonyms.ts';
import { ptbTokens } from '../../../harness/metrics/text/ptb-tokenizer.ts';
import { tokenise } from '../../../harness/metrics/text/segment.ts';
import { goldenCases, goldenInput, goldenSegments, goldenText, haveGolden, testCache } from '../golden.ts';

describe('meteorWords', () => {
  it.each([
    ["The dog's well-fed (5,000 bowls) ...", "the dog 's well fed ( 5,000 bowls ) ..."],
    ['no. of Mr. X, U.S. made', 'no. of mr. x , us made'],
    ['done. Next', 'done . next'],
    ["it is n't “new” – 1990's", 'it is n \'t " new " - 1990 \'s'],
    ['a\u00a0b', 'a b'],
    ['', ''],
  ])('splits %j', (text, expected) => {
    expect(meteorWords(text).join(' ')).toBe(expected);
  });
});

describe('Synonyms', () => {
  const synonyms = new Synonyms();
  const alike = (a: string, b: string): boolean => {
    const senses = synonyms.senses(a);
    return [...synonyms.senses(b)].some((sense) => senses.has(sense));
  };
  it.each([
    ['big', 'large', true],
    ['went', 'going', true],
    ['geese', 'goose', true],
    ['big', 'small', false],
    ['zzzz', 'zzzz', false],
  ])('%s and %s: %s', (a, b, expected) => {
    expect(alike(a, b)).toBe(expected);
  });
});

const meteor = meteorMetric();

describe('METEOR', () => {
  const score = (prediction: string, ...references: string[]): number =>
    corpusScore(meteor, tokenise([{ prediction, references }], ptbTokens));

  it('is named for what it lacks', () => {
    expect(meteor.name).toBe('METEOR (no paraphrases)');
  });

  it('is 1 for the reference, 0 for nothing alike, and takes the best reference', () => {
    expect(score('a small boat sails', 'a small boat sails')).toBe(1);
    expect(score('', 'a small boat')).toBe(0);
    expect(score('a small boat', '')).toBe(0);
    expect(score('', '')).toBe(0);
    expect(score('a small boat sails', 'nothing', 'a small boat sails')).toBe(1);
  });
});

/** Parses official statistics of a segment; a single chunk that covers all words counts as 0 here. */
function officialRow(text: string): number[] {
  const row = text.split(' ').map(Number);
  const complete = row[21] === row[0] && row[22] === row[1];
  if (complete && row[20] === 1) row[20] = 0;
  return row;
}

function checkCorpus(metric: CorpusMetric, name: string, kind: 'exact stem synonym' | 'paraphrase'): void {
  const golden = goldenCases().find((one) => one.name === name)!;
  const plain = kind === 'exact stem synonym';
  const rows = tokenise(goldenInput(golden), ptbTokens).map((segment) => metric.statistics(segment));
  const official = goldenSegments(golden);
  expect(rows.map((row) => [...row])).toEqual(
    official.map((one) => officialRow(plain ? one.meteorStats : one.meteorStats_paraphrase)),
  );
  expect(rows.map((row) => metric.score(row))).toBeAllclose(
    official.map((one) => (plain ? one.METEOR : one.METEOR_paraphrase)),
    { atol: 1e-9 },
  );
  const full = plain ? golden.full.METEOR_exact_stem_synonym : golden.full.METEOR_paraphrase;
  expect(Math.abs(metric.score(sumRows(rows)) - full)).toBeLessThan(1e-9);
}

const names = goldenCases().map(({ name }) => name);

describe.skipIf(!haveGolden)('official values of METEOR 1.5 without paraphrases', () => {
  it.each(names)('%s', (name) => {
    checkCorpus(meteor, name, 'exact stem synonym');
  });
});

interface ParaphraseCases {
  readonly corpus_score: number;
  readonly corpus_score_without_paraphrase: number;
  readonly cases: {
    readonly name: string;
    readonly hypothesis: string;
    readonly references: string[];
    readonly stats: string;
    readonly score: number;
    readonly stats_without_paraphrase: string;
    readonly score_without_paraphrase: number;
  }[];
}

/** Computes rows of the paraphrase cases, which were scored without tokenisation. */
function caseRows(metric: CorpusMetric, { cases }: ParaphraseCases): Float64Array[] {
  const words = (text: string): string[] => text.split(' ');
  return tokenise(
    cases.map(({ hypothesis, references }) => ({ prediction: hypothesis, references })),
    words,
  ).map((segment) => metric.statistics(segment));
}

const cases = haveGolden
  ? (JSON.parse(goldenText('paraphrase-cases.json')) as ParaphraseCases)
  : { corpus_score: 0, corpus_score_without_paraphrase: 0, cases: [] };

it.skipIf(!haveGolden)('official values of the paraphrase cases without the table', () => {
  const rows = caseRows(meteor, cases);
  expect(rows.map((row) => [...row])).toEqual(
    cases.cases.map((one) => officialRow(one.stats_without_paraphrase)),
  );
  expect(meteor.score(sumRows(rows))).toBeCloseTo(cases.corpus_score_without_paraphrase, 10);
});

// The table is large: the tests run only where `fetch meteor` has stored it.
const table = await loadParaphrases(testCache);

describe.skipIf(!haveGolden || !table)('official values of METEOR 1.5 with paraphrases', () => {
  const full = meteorMetric(table);
  it.each(names)('%s', (name) => {
    checkCorpus(full, name, 'paraphrase');
  });

  it('the paraphrase cases', () => {
    const rows = caseRows(full, cases);
    expect(rows.map((row) => [...row])).toEqual(cases.cases.map((one) => officialRow(one.stats)));
    expect(rows.map((row) => full.score(row))).toBeAllclose(
      cases.cases.map((one) => one.score),
      { atol: 1e-9 },
    );
    expect(full.score(sumRows(rows))).toBeCloseTo(cases.corpus_score, 10);
    expect(full.name).toBe('METEOR');
  });
});
