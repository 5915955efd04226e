// Tests of METEOR's paraphrase table on made-up entries, and of its download.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { corpusScore } from '../../../harness/metrics/text/corpus-metric.ts';
import { meteorMetric } from '../../../harness/metrics/meteor/meteor.ts';
import {
  compactTable,
  fetchMeteorTable,
  loadParaphrases,
  ParaphraseTable,
} from '../../../harness/metrics/meteor/paraphrases.ts';
import { ptbTokens } from '../../../harness/metrics/text/ptb-tokenizer.ts';
import { tokenise } from '../../../harness/metrics/text/segment.ts';

// Entries are sorted by source, as in METEOR's own table.
const entries = [
  ['close to', 'beside'],
  ['close to', 'next to'],
  ['close to the sea', 'coastal'],
  ['sloop', 'little boat'],
  ['sloop', 'yacht'],
];
const text = entries.map(([source, target]) => `0.5\n${source!}\n${target!}\n`).join('');
const table = new ParaphraseTable(await compactTable(gzipSync(text)));

describe('ParaphraseTable', () => {
  const spans = (hypothesis: string, reference: string): number[][] => {
    const ids = (words: string): number[] => words.split(' ').map((word) => table.wordId(word));
    return table
      .matches(ids(hypothesis), ids(reference))
      .map(({ candidate, reference }) => [
        ...[reference, candidate.referenceLength],
        ...[candidate.hypothesis, candidate.hypothesisLength],
      ]);
  };

  it('finds sources in the reference, shorter ones first, and then in the hypothesis', () => {
    expect(spans('a coastal town beside water', 'a town close to the sea')).toEqual([
      [2, 2, 3, 1],
      [2, 4, 1, 1],
    ]);
    expect(spans('the sloop sails', 'the little boat sails')).toEqual([[1, 2, 1, 1]]);
  });

  it('finds each place of a target', () => {
    expect(spans('yacht and yacht', 'a sloop')).toEqual([
      [1, 1, 0, 1],
      [1, 1, 2, 1],
    ]);
  });

  it('knows no other words', () => {
    expect(table.wordId('harbour')).toBe(-1);
    expect(spans('harbour', 'harbour')).toEqual([]);
  });

  it('raises METEOR, which is then named METEOR', () => {
    const segments = tokenise(
      [{ prediction: 'The yacht lies here', references: ['The sloop lies here'] }],
      ptbTokens,
    );
    const metric = meteorMetric(table);
    expect(metric.name).toBe('METEOR');
    expect(corpusScore(metric, segments)).toBeGreaterThan(corpusScore(meteorMetric(), segments));
  });

  it('refuses a file that was cut off', async () => {
    const whole = await compactTable(gzipSync(text));
    expect(() => new ParaphraseTable(whole.subarray(0, -1))).toThrow(/it is damaged: its sha256 differs/);
  });
});

describe('fetchMeteorTable', () => {
  it('refuses a file with another sha256, and leaves no table', async () => {
    const cacheFolder = await mkdtemp(path.join(tmpdir(), 'deltabench-'));
    const file = path.join(cacheFolder, 'paraphrase-en.gz');
    await writeFile(file, gzipSync(text));
    await expect(fetchMeteorTable({ cacheFolder, file })).rejects.toThrow(/sha256 is [0-9a-f]{64}, expected/);
    expect(await loadParaphrases(cacheFolder)).toBeUndefined();
    await rm(cacheFolder, { recursive: true });
  });
});
