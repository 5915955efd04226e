// Tests of the built-in E2E-like corpus and of its other domains: sizes, splits, truth of the references.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { builtinDomainPairs, builtinE2E } from '../../../harness/data/sets/e2e/synthetic.ts';
import { seededRandom } from '../../../harness/data/synthetic/random.ts';
import { restaurantNames } from '../../../harness/data/synthetic/text-from-meaning/restaurants.ts';
import { groupByMeaning, loadE2E } from '../../../harness/data/sets/e2e/load.ts';
import type { E2ERow } from '../../../harness/data/sets/e2e/rows.ts';
import { sha256 } from '../../../harness/support/hash.ts';

const corpus = builtinE2E();
const { train, validation, test: testing } = corpus;
const all = [...train, ...validation, ...testing];
const others = builtinDomainPairs(3000, 1);

const slotsOf = (meaning: string): Map<string, string> =>
  new Map(meaning.split(' | ').map((pair) => pair.split(' : ') as [string, string]));
const meaningsOf = (rows: readonly E2ERow[]): string[] => [...new Set(rows.map(({ meaning }) => meaning))];
const combination = (meaning: string): string => [...slotsOf(meaning).keys()].join(' ');
const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

const cheap = ['cheap', 'under 20 pounds'];
const dear = ['high', 'over 30 pounds'];
const neighbours = [...new Set(all.flatMap(({ meaning }) => slotsOf(meaning).get('near') ?? []))];

const statements: readonly (readonly [slot: string, pattern: RegExp, values: readonly string[]])[] = [
  ...neighbours.map((name) => ['near', new RegExp(name, 'gi'), [name]] as const),
  ['price', /neither cheap nor expensive|moderately priced|mid - (priced|range)|moderate/gi, ['moderate']],
  ['price', /(under|less than) 20 pounds/gi, ['under 20 pounds']],
  ['price', /20 (to|and) 25 pounds/gi, ['20 to 25 pounds']],
  ['price', /(over|more than) 30 pounds/gi, ['over 30 pounds']],
  ['price', /does not come cheap|\bhigh prices?|high - priced|pric(e)?y\b|\bexpensive/gi, dear],
  ['price', /\bcheap|inexpensive|low - priced|low prices|wallet|prices down|nobody pays/gi, cheap],
  [
    'customer rating',
    /5 out of 5|top - rated|five - star|full marks|perfect customer rating/gi,
    ['5 out of 5'],
  ],
  ['customer rating', /3 out of 5|three - star|three stars/gi, ['3 out of 5']],
  ['customer rating', /1 out of 5|one - star|one star/gi, ['1 out of 5']],
  [
    'customer rating',
    /\bunpopular|poorly rated|low customer rating|poor reviews|think little|do not like/gi,
    ['low'],
  ],
  [
    'customer rating',
    /\bpopular|highly|high customer rating|happy customers|customers love|loved by/gi,
    ['high'],
  ],
  ['customer rating', /\baverage|mixed/gi, ['average']],
  ['area', /\briver\b|riverside|the water\b/gi, ['riverside']],
  ['area', /\bcity\b|middle of town|central|the centre/gi, ['city centre']],
  ['area', /the market|the square|market square/gi, ['market square']],
  [
    'family friendly',
    new RegExp(
      'not family - friendly|not suitable for children|not welcome families|adults|no place for kids|' +
        'children are not allowed|closed to children|children at home|not the place to take the kids',
      'gi',
    ),
    ['no'],
  ],
  ['family friendly', /\b(family|child|kid) - friendly|famil(y|ies)|\bkids|children/gi, ['yes']],
  ['food', /Italian|pasta/g, ['Italian']],
  ['food', /French/g, ['French']],
  ['food', /Indian|curr(y|ies)/gi, ['Indian']],
  ['food', /Chinese|noodle|dumplings/g, ['Chinese']],
  ['food', /Japanese|sushi/g, ['Japanese']],
  ['food', /English|British|roasts/g, ['English']],
  ['food', /fast food|burger|quick meals/gi, ['fast food']],
  ['Type', /\bpub\b|tavern/g, ['pub']],
  ['Type', /coffee shop|cafe\b/g, ['coffee shop']],
  ['Type', /restaurant|eatery/g, ['restaurant']],
];

/**
 * Parses what a reference states: the values of each slot that its words allow. The patterns are independent
 * of the grammar's lists; the first match counts.
 */
function claimsOf(reference: string): Map<string, readonly string[]> {
  const claims = new Map<string, readonly string[]>();
  let rest = reference;
  for (const [slot, pattern, values] of statements) {
    if (!pattern.test(rest)) continue;
    rest = rest.replace(pattern, '#');
    claims.set(slot, claims.get(slot)?.filter((value) => values.includes(value)) ?? values);
  }
  return claims;
}

describe('the stream of choices', () => {
  test('is pinned, so that every platform makes the same data', () => {
    const random = seededRandom('pinned');
    expect([random.int(1000), random.int(1000), random.int(1000)]).toEqual([328, 893, 958]);
    expect(random.shuffle([1, 2, 3, 4, 5, 6])).toEqual([1, 3, 6, 5, 2, 4]);
  });

  test('is uniform, and differs by seed', () => {
    const random = seededRandom(7);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 20_000; i++) counts[random.int(10)]!++;
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(200);
    expect(Array.from({ length: 1000 }, () => random.chance(0.2)).filter(Boolean).length).toBeGreaterThan(
      150,
    );
    expect(seededRandom(1).next()).not.toBe(seededRandom(2).next());
  });
});

describe('restaurants', () => {
  test('are the same each time, and pinned', async () => {
    expect(builtinE2E()).toEqual(corpus);
    expect(sha256(JSON.stringify(corpus))).toBe(
      '395370bb852f94d31509436d929a2373a38f9ed7dab9c51b5f354022b9cbf803',
    );
    const loaded = await loadE2E({ kind: 'built-in' });
    expect(loaded).toMatchObject({ form: 'built-in', train, validation, test: testing });
  });

  test('have the sizes that were asked for, and three to eight references for each test meaning', () => {
    expect([train.length, validation.length]).toEqual([1000, 100]);
    expect(meaningsOf(train)).toHaveLength(500);
    const groups = groupByMeaning(testing);
    expect(groups).toHaveLength(150);
    const counts = groups.map(({ references }) => references.length);
    expect([Math.min(...counts), Math.max(...counts)]).toEqual([3, 8]);
    for (const { references } of groups) expect(new Set(references).size).toBe(references.length);
    // Rows of the same meaning are adjacent.
    for (const { rows } of groups) expect(rows.at(-1)! - rows[0]!).toBe(rows.length - 1);
  });

  test('splits share no meaning; test has combinations of slots, names and neighbours that training has not', () => {
    const sizes = [train, validation, testing].map((rows) => meaningsOf(rows).length);
    expect(meaningsOf(all)).toHaveLength(sizes.reduce((a, b) => a + b));
    const seen = new Set(train.map(({ meaning }) => combination(meaning)));
    for (const meaning of meaningsOf(testing)) expect(seen).not.toContain(combination(meaning));
    for (const slot of ['name', 'near']) {
      const known = new Set(train.map(({ meaning }) => slotsOf(meaning).get(slot)));
      const unknown = meaningsOf(testing).filter((meaning) => !known.has(slotsOf(meaning).get(slot)));
      expect(unknown.length).toBeGreaterThan(10);
      expect(unknown.length).toBeLessThan(110);
    }
  });

  test('meanings are written in the order of E2E, with a name and two to seven slots more', () => {
    const order = ['name', 'Type', 'food', 'price', 'customer rating', 'area', 'family friendly', 'near'];
    for (const meaning of meaningsOf(all)) {
      const names = [...slotsOf(meaning).keys()];
      expect(names).toEqual(order.filter((name) => names.includes(name)));
      expect(names[0]).toBe('name');
      expect(names.length).toBeGreaterThan(2);
    }
    for (const slot of order) expect(train.some(({ meaning }) => slotsOf(meaning).has(slot))).toBe(true);
  });

  test('what a reference says is what its meaning says, and it says most of it', () => {
    let slots = 0;
    let said = 0;
    for (const { meaning, reference } of all) {
      const wanted = slotsOf(meaning);
      const name = wanted.get('name')!;
      expect(reference).toContain(name);
      const claims = claimsOf(reference.replaceAll(name, 'NAME'));
      for (const [slot, values] of claims) {
        expect(values, `${slot} in "${reference}" of "${meaning}"`).toContain(wanted.get(slot));
      }
      slots += wanted.size - 1;
      said += claims.size;
    }
    expect(said / slots).toBeGreaterThan(0.88);
    expect(said / slots).toBeLessThan(0.99);
  });

  test('vary: few references are alike without their names, openings and lengths differ', () => {
    const bare = all.map(({ meaning, reference }) => {
      const slots = slotsOf(meaning);
      const near = slots.get('near');
      const nameless = reference.replaceAll(slots.get('name')!, 'NAME');
      return near ? nameless.replaceAll(near, 'NEAR') : nameless;
    });
    expect(new Set(bare).size / bare.length).toBeGreaterThan(0.9);
    expect(new Set(bare.map((text) => text.split(' ').slice(0, 3).join(' '))).size).toBeGreaterThan(100);
    const sentences = all.map(({ reference }) => reference.match(/ [.?]/g)!.length);
    for (const count of [1, 2, 3]) expect(sentences.filter((n) => n === count).length).toBeGreaterThan(100);
    expect(Math.max(...sentences)).toBeLessThan(6);
    const words = all.map(({ reference }) => reference.split(' ').length);
    expect(average(words)).toBeGreaterThan(18);
    expect(Math.max(...words)).toBeLessThan(70);
    for (const pattern of [/\?/, /^If /, / but /, / not /, /^There /, / which /, /^Although |\. Although /]) {
      expect(
        all.some(({ reference }) => pattern.test(reference)),
        String(pattern),
      ).toBe(true);
    }
  });
});

describe('other domains', () => {
  test('are the same for a seed, differ between seeds, and no row comes twice', () => {
    expect(builtinDomainPairs(3000, 1)).toEqual(others);
    expect(builtinDomainPairs(3, 2)).not.toEqual(others.slice(0, 3));
    expect(new Set(others.map(({ reference }) => reference)).size).toBe(others.length);
    expect(sha256(JSON.stringify(others))).toBe(
      '1b1b4fac0d90c19b8c2608b826953b0b285343116e1102ea4fcba0807ed1957a',
    );
  });

  test(
    'are no restaurants: none has a name or a neighbour of the test domain, ' +
      'and they share but the plainest sentences',
    () => {
      const text = others.map(({ meaning, reference }) => `${meaning} ${reference}`).join('\n');
      const neighbours = all.flatMap(({ meaning }) => slotsOf(meaning).get('near') ?? []);
      for (const name of new Set([...restaurantNames, ...neighbours])) expect(text).not.toContain(name);
      const sentencesOf = (rows: readonly E2ERow[]): string[] =>
        rows.flatMap(({ reference }) => reference.split(/ [.?] ?/).filter((sentence) => sentence !== ''));
      const theirs = new Set(sentencesOf(others));
      for (const sentence of sentencesOf(all).filter((each) => theirs.has(each)))
        expect(sentence).toMatch(/^It (is|sells|has)( [\w-]+){1,5}$/);
    },
  );

  test('state the name, and know the words of price, rating and family friendliness', () => {
    for (const { meaning, reference } of others) expect(reference).toContain(slotsOf(meaning).get('name'));
    const text = others.map(({ reference }) => reference).join('\n');
    for (const word of ['cheap', 'expensive', 'out of 5', 'family - friendly', 'near'])
      expect(text).toContain(word);
    expect(new Set(others.map(({ meaning }) => combination(meaning))).size).toBeGreaterThan(300);
  });
});

test('every reference is plain ASCII, spaced in one way, with a capital, a full stop and the right article', () => {
  for (const { meaning, reference } of [...all, ...others]) {
    expect(`${meaning}${reference}`).toMatch(/^[ -~]+$/);
    expect(reference, reference).toMatch(/^[A-Z0-9].* [.]$/);
    expect(reference, reference).not.toMatch(
      / {2}|\S[,.?](?: |$)(?<!\d\.\d)|[{}]|undefined|[.?] [a-z]| ,? [,.?]/,
    );
    expect(reference, reference).not.toMatch(
      /\ba (?!one|uni)[aeio]|\ban (?!hour)[b-df-hj-np-tv-z]|\b(\w+) \1\b/i,
    );
  }
});

describe.skipIf(!process.env.DELTABENCH_DATA)('against the real corpus', () => {
  test('no name and no reference is its, nor a sentence but the plainest', () => {
    const folder = join(process.env.DELTABENCH_DATA!, 'e2e', 'lora-format');
    const lines = [
      readFileSync(join(folder, 'valid.txt'), 'utf8'),
      readFileSync(join(folder, 'test.txt'), 'utf8'),
      gunzipSync(readFileSync(join(folder, 'train.txt.gz'))).toString(),
    ].flatMap((text) => text.split('\n').filter((line) => line.includes('||')));
    const sentencesOf = (text: string): string[] =>
      text
        .toLowerCase()
        .split(/ [.?!]/)
        .map((part) => part.trim())
        .filter((part) => part !== '');
    const theirs = new Set(lines.flatMap((line) => sentencesOf(line.split('||')[1]!)));
    const same = new Set(
      [...all, ...others]
        .flatMap(({ reference }) => sentencesOf(reference))
        .filter((sentence) => theirs.has(sentence)),
    );
    // Two writers may both write "It is cheap"; only sentences as plain as that may be shared.
    for (const sentence of same) {
      expect(sentence).toMatch(
        /^(it|the (place|pub|restaurant|coffee shop|hotel|book|film)|children|leave)\b/,
      );
      expect(sentence).not.toMatch(/,| and | near \w+ \w+ \w+/);
      expect(sentence.split(' ').length, sentence).toBeLessThan(12);
    }
    const whole = new Set(lines.map((line) => line.split('||')[1]!.trim().toLowerCase()));
    expect([...all, ...others].filter(({ reference }) => whole.has(reference.toLowerCase()))).toEqual([]);
    const real = new Set(
      lines.flatMap((line) => [
        slotsOf(line.split('||')[0]!).get('name'),
        slotsOf(line.split('||')[0]!).get('near'),
      ]),
    );
    for (const { meaning } of [...all, ...others])
      for (const slot of ['name', 'near']) {
        const value = slotsOf(meaning).get(slot);
        if (value) expect(real.has(value), value).toBe(false);
      }
  });
});
