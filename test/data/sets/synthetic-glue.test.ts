// Tests of the built-in GLUE-like data: sizes, balance, labels that follow from the texts, no shortcuts.
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  builtinGlue,
  builtinGlueSizes,
  builtinGlueText,
} from '../../../harness/data/sets/glue/synthetic/generate.ts';
import {
  a,
  ing,
  participle,
  past,
  plural,
  sentence,
  third,
} from '../../../harness/data/sets/glue/synthetic/grammar.ts';
import { actions, kinds, numbers, opposites } from '../../../harness/data/sets/glue/synthetic/words.ts';
import { type GlueName, glueNames, type GlueRow } from '../../../harness/data/sets/glue/rows.ts';

const data = Object.fromEntries(glueNames.map((name) => [name, builtinGlue(name)])) as Record<
  GlueName,
  ReturnType<typeof builtinGlue>
>;
const splits = (name: GlueName): readonly (readonly GlueRow[])[] => {
  const { train, validation, test, mismatched } = data[name];
  return [train, validation, test, mismatched];
};
const rowsOf = (name: GlueName): readonly GlueRow[] => splits(name).flat();
const keyOf = ({ texts }: Pick<GlueRow, 'texts'>): string => texts.join('\n');
const hash = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);

test('the same rows everywhere and each time', () => {
  expect(Object.fromEntries(glueNames.map((name) => [name, hash(data[name])]))).toMatchInlineSnapshot(`
    {
      "cola": "bc2143db48f0150d",
      "mnli": "8d06720460288e81",
      "mrpc": "85ccae114a01cf34",
      "qnli": "3d828ace62212078",
      "qqp": "419ed817439b1019",
      "rte": "778a073f07a0d08c",
      "sst2": "9bef3e2ad69b215e",
      "stsb": "115690d5f329a2f3",
    }
  `);
  expect(hash(builtinGlue('rte'))).toBe(hash(data.rte));
});

describe.each(glueNames)('%s', (name) => {
  test('sizes, ids, texts', () => {
    const { train, validation, test, mismatched } = data[name];
    expect([train.length, validation.length, test.length, mismatched.length]).toEqual([
      builtinGlueSizes.train,
      builtinGlueSizes.validation,
      builtinGlueSizes.test,
      name === 'mnli' ? builtinGlueSizes.mismatched : 0,
    ]);
    const count = name === 'cola' || name === 'sst2' ? 1 : 2;
    for (const rows of splits(name)) {
      expect(rows.map(({ id }) => id)).toEqual(rows.map((_, i) => String(i)));
      for (const { texts } of rows) expect(texts).toHaveLength(count);
    }
  });

  test('no row is there twice, in one split or two', () => {
    expect(new Set(rowsOf(name).map(keyOf)).size).toBe(rowsOf(name).length);
  });

  test('labels are balanced', () => {
    for (const rows of splits(name).filter(({ length }) => length > 0)) {
      const labels = rows.map(({ label }) => label);
      if (name === 'stsb') {
        for (const label of labels) expect(label * 5).toBeCloseTo(Math.round(label * 5), 9);
        for (let least = 0; least < 5; least++)
          expect(labels.filter((label) => label >= least && label <= least + 1).length).toBeGreaterThan(
            rows.length * 0.1,
          );
        expect([Math.min(...labels), Math.max(...labels)]).toEqual([0, 5]);
        continue;
      }
      const classes = name === 'mnli' ? 3 : 2;
      for (let label = 0; label < classes; label++)
        expect(
          Math.abs(labels.filter((found) => found === label).length - rows.length / classes),
        ).toBeLessThan(1);
    }
  });

  test('capitals, ends, spaces, articles', () => {
    for (const text of rowsOf(name).flatMap(({ texts }) => texts)) {
      expect(text).toMatch(/^[A-Z][^\n]*[.?]$/);
      expect(text).not.toMatch(/ {2}| [.,;?]|undefined|[.?,]{2}|\ba [aeio]|\ban [^aeiou]/i);
    }
  });

  test('tests hold words that training lacks', () => {
    const seen = new Set(data[name].train.flatMap(words));
    const strange = data[name].test.filter((row) => words(row).some((word) => !seen.has(word)));
    expect(strange.length).toBeGreaterThan(30);
  });
});

const words = ({ texts }: GlueRow): string[] =>
  texts.flatMap((text, i) => (text.toLowerCase().match(/[\w']+/g) ?? []).map((word) => `${i}:${word}`));

/** Accuracy of naive Bayes on features of each text (words or lengths), which ignore structure. */
function naiveBayes(
  train: readonly GlueRow[],
  test: readonly GlueRow[],
  features: (row: GlueRow) => string[],
): number {
  const counts = new Map<string, number[]>();
  const classes = 1 + Math.max(...train.map(({ label }) => label));
  for (const row of train)
    for (const feature of new Set(features(row))) {
      const found = counts.get(feature) ?? Array.from({ length: classes }, () => 1);
      found[row.label]!++;
      counts.set(feature, found);
    }
  const right = test.filter((row) => {
    const scores = Array.from({ length: classes }, (_, label) =>
      [...new Set(features(row))].reduce(
        (sum, feature) => sum + Math.log(counts.get(feature)?.[label] ?? 1),
        0,
      ),
    );
    return scores.indexOf(Math.max(...scores)) === row.label;
  });
  return right.length / test.length;
}

test('single words and lengths tell little', () => {
  const ceilings = { cola: 0.6, mnli: 0.45, mrpc: 0.62, qnli: 0.65, qqp: 0.65, rte: 0.6, sst2: 0.83 };
  for (const [name, ceiling] of Object.entries(ceilings) as [keyof typeof ceilings, number][]) {
    const { train, validation, test } = data[name];
    const rest = [...validation, ...test];
    expect(naiveBayes(train, rest, words), name).toBeLessThan(ceiling);
    const lengths = ({ texts }: GlueRow) => texts.map((text, i) => `${i}:${text.split(' ').length}`);
    expect(naiveBayes(train, rest, lengths), `${name}, lengths`).toBeLessThan(name === 'mnli' ? 0.45 : 0.62);
  }
});

/**
 * Share of rows classified right by word overlap of the two texts, with the threshold best on training rows.
 */
function byCommonWords(train: readonly GlueRow[], test: readonly GlueRow[], related: number): number {
  const common = ({ texts }: GlueRow): number => {
    const [one, two] = texts.map((text) => new Set(text.toLowerCase().match(/[\w']+/g)));
    const both = [...one!].filter((word) => two!.has(word)).length;
    return both / (one!.size + two!.size - both);
  };
  const right = (rows: readonly GlueRow[], cut: number): number =>
    rows.filter((row) => common(row) > cut === (row.label === related)).length / rows.length;
  const cuts = Array.from({ length: 20 }, (_, i) => i / 20);
  const best = cuts.reduce((a, b) => (right(train, b) > right(train, a) ? b : a));
  return right(test, best);
}

test('common words tell much of pairs, not all', () => {
  for (const [name, related] of [
    ['mrpc', 1],
    ['qnli', 0],
    ['qqp', 1],
    ['rte', 0],
  ] as const) {
    const { train, validation, test } = data[name];
    const told = byCommonWords(train, [...validation, ...test], related);
    expect(told, name).toBeGreaterThan(0.7);
    expect(told, name).toBeLessThan(0.9);
  }
});

describe('labels, found again', () => {
  test('cola: articles of number, agreement of "there is"', () => {
    const plurals = new Set(Object.values(kinds).flat().map(plural));
    let found = 0;
    for (const { texts, label } of rowsOf('cola')) {
      const match = /^There (is|are|was|were) (a|an|some) (\w+) /.exec(texts[0]!);
      if (!match) continue;
      found++;
      expect(plurals.has(match[3]!)).toBe(match[2] === 'some');
      expect(['are', 'were'].includes(match[1]!) === (match[2] === 'some')).toBe(label === 1);
    }
    expect(found).toBeGreaterThan(20);
  });

  test('cola: pronouns of the tag agree with verb and subject', () => {
    const women = /^(Anna|Clara|Emma|Nora|Julia|Laura|Maria|Irene|Rosa|Sarah|Helen|Diana) /;
    const auxiliaries: Record<string, string> = {
      is: "isn't",
      can: "can't",
      was: "wasn't",
      will: "won't",
      has: "hasn't",
    };
    let found = 0;
    for (const { texts, label } of rowsOf('cola')) {
      const match = /^\w+ (is|can|was|will|has) .*, ([\w']+) (he|she)\?$/.exec(texts[0]!);
      if (!match) continue;
      found++;
      const right = auxiliaries[match[1]!] === match[2] && women.test(texts[0]!) === (match[3] === 'she');
      expect(right, texts[0]).toBe(label === 1);
    }
    expect(found).toBeGreaterThan(20);
  });

  test('mnli: numbers', () => {
    const of = (text: string) => {
      const [, quantity, word, group] = /^(Exactly|More than|Fewer than) (\w+) (\w+) /.exec(text) ?? [];
      const n = numbers.indexOf(word as (typeof numbers)[number]) + 2;
      const range = { Exactly: [n, n], 'More than': [n + 1, 99], 'Fewer than': [0, n - 1] }[quantity ?? ''];
      return range && { low: range[0]!, high: range[1]!, group };
    };
    let found = 0;
    for (const { texts, label } of rowsOf('mnli')) {
      const [premise, hypothesis] = texts.map(of);
      if (!premise || !hypothesis) continue;
      found++;
      const inside = premise.low >= hypothesis.low && premise.high <= hypothesis.high;
      const apart = premise.low > hypothesis.high || premise.high < hypothesis.low;
      expect(premise.group !== hypothesis.group ? 1 : inside ? 0 : apart ? 2 : 1, texts.join(' ')).toBe(
        label,
      );
    }
    expect(found).toBeGreaterThan(60);
  });

  test('mnli: opposites', () => {
    const other = new Map(
      opposites.flatMap(
        ([x, y]) =>
          [
            [x, y],
            [y, x],
          ] as const,
      ),
    );
    let found = 0;
    for (const { texts, label } of rowsOf('mnli')) {
      const premise = /^(The \w+(?: \w+ the \w+)?) is (\w+) and (\w+)\.$/.exec(texts[0]!);
      const hypothesis = /^(The \w+(?: \w+ the \w+)?) is (not )?(\w+)\.$/.exec(texts[1]!);
      if (!premise || !hypothesis || premise[1] !== hypothesis[1]) continue;
      found++;
      const held = premise.slice(2);
      const how = hypothesis[3]!;
      const says = held.includes(how) ? 1 : held.includes(other.get(how)!) ? -1 : 0;
      expect([2, 1, 0][1 + says * (hypothesis[2] ? -1 : 1)], texts.join(' ')).toBe(label);
    }
    expect(found).toBeGreaterThan(40);
  });

  test('rte and mnli: chains of comparison', () => {
    let found = 0;
    for (const { texts, label } of rowsOf('rte')) {
      const steps = [...texts[0]!.matchAll(/(\w+) is (\w+er) than (\w+)\./g)];
      const [, x, how, y] = /^(\w+) is (\w+er) than (\w+)\.$/.exec(texts[1]!) ?? [];
      if (steps.length !== 2 || x === undefined) continue;
      found++;
      const above = new Map(steps.map(([, more, , less]) => [more!, less!]));
      const reaches = (from: string, to: string): boolean =>
        above.get(from) === to || above.get(above.get(from) ?? '') === to;
      const follows = how === steps[0]![2] ? reaches(x, y!) : reaches(y!, x);
      expect(follows, texts.join(' ')).toBe(label === 0);
    }
    expect(found).toBeGreaterThan(40);
  });

  test('rte: who did what to which kind of thing', () => {
    const verbs = new Map(
      actions.flatMap(({ verb, synonyms }) => [verb, ...synonyms].map((word) => [past(word), verb] as const)),
    );
    let found = 0;
    for (const { texts, label } of rowsOf('rte')) {
      const [, who, did, kind] = /^(\w+) (\w+) an? (\w+)\.$/.exec(texts[1]!) ?? [];
      const deeds = [...texts[0]!.matchAll(/([A-Z]\w+) (?!was)(\w+) an? (\w+) (?!to |from )/g)];
      if (who === undefined || deeds.length !== 2) continue;
      found++;
      const follows = deeds.some(
        ([, name, done, thing]) =>
          name === who &&
          verbs.get(done!) === verbs.get(did!) &&
          (thing === kind || ((kinds as Record<string, readonly string[]>)[kind!] ?? []).includes(thing!)),
      );
      expect(follows, texts.join(' ')).toBe(label === 0);
    }
    expect(found).toBeGreaterThan(40);
  });

  test('qqp: journeys in one direction', () => {
    let found = 0;
    for (const { texts, label } of rowsOf('qqp')) {
      const ends = texts.map((text) => [/ from (\w+)/.exec(text)?.[1], / to ([A-Z]\w+)/.exec(text)?.[1]]);
      if (ends.flat().includes(undefined)) continue;
      found++;
      const prices = texts.map((text) => /cheapest|little money|lowest price/.test(text));
      const same = String(ends[0]) === String(ends[1]) && prices[0] === prices[1];
      expect(same, texts.join(' ')).toBe(label === 1);
    }
    expect(found).toBeGreaterThan(60);
  });

  test('mrpc: numbers, times and places of a paraphrase are the same', () => {
    const numbers = 'two|three|four|five|six|seven|eight|nine|ten|eleven|twelve';
    const times = 'Monday|Tuesday|Friday|Sunday|March|October|June|yesterday|last \\w+';
    const pattern = new RegExp(`\\b(${numbers}|${times}|Rome|Paris|Oslo)\\b`, 'gi');
    const facts = (text: string) =>
      (text.match(pattern) ?? [])
        .map((word) => word.toLowerCase())
        .sort()
        .join();
    for (const { texts, label } of rowsOf('mrpc'))
      if (label === 1) expect(facts(texts[0]!)).toBe(facts(texts[1]!));
  });

  test('qnli: an answer to "how many" has the thing, the deed and a number', () => {
    let found = 0;
    for (const { texts, label } of rowsOf('qnli')) {
      const [, things, who, verb, town] =
        /^How many (\w+) did (\w+ \w+) (\w+) in (\w+)\?$/.exec(texts[0]!) ?? [];
      if (verb === undefined) continue;
      found++;
      const said = new RegExp(`${who} ${past(verb)} (${numbers.join('|')}) ${things}\\b`);
      expect(said.test(texts[1]!) && texts[1]!.includes(town!), texts.join(' ')).toBe(label === 0);
    }
    expect(found).toBeGreaterThan(60);
  });

  test('stsb: only what says the same is 5', () => {
    for (const { texts, label } of rowsOf('stsb')) {
      const [first, second] = texts.map((text) => / (not) /.test(text));
      if (texts[0] === texts[1]) expect(label).toBe(5);
      if (first !== second) expect(label).toBeLessThan(3.5);
    }
  });
});

describe('text for pretraining', () => {
  const text = builtinGlueText(5000, 1);

  test('sentences and pairs, all distinct, none of a task', () => {
    const keys = new Set(text.map((texts) => keyOf({ texts })));
    expect(keys.size).toBe(5000);
    for (const row of glueNames.flatMap(rowsOf)) expect(keys.has(keyOf(row))).toBe(false);
    const pairs = text.filter(({ length }) => length === 2).length;
    expect(pairs).toBeGreaterThan(2500);
    expect(pairs).toBeLessThan(4500);
    expect(text.every(({ length }) => length === 1 || length === 2)).toBe(true);
  });

  test('another seed is another text, the same one the same', () => {
    expect(builtinGlueText(50, 1)).toEqual(text.slice(0, 50));
    expect(builtinGlueText(50, 2)).not.toEqual(text.slice(0, 50));
  });

  test('has the words that training rows lack', () => {
    const known = new Set(text.flatMap((texts) => texts.join(' ').toLowerCase().match(/\w+/g) ?? []));
    for (const noun of Object.values(kinds).flat())
      expect(known.has(noun) || known.has(plural(noun)), noun).toBe(true);
    for (const word of opposites.flat()) expect(known.has(word), word).toBe(true);
  });
});

test('forms of words', () => {
  expect(['box', 'lily', 'boy', 'man', 'ferry', 'potato'].map(plural)).toEqual([
    'boxes',
    'lilies',
    'boys',
    'men',
    'ferries',
    'potatoes',
  ]);
  expect(['fix', 'carry', 'hide', 'wash'].map(third)).toEqual(['fixes', 'carries', 'hides', 'washes']);
  expect(['carry', 'hide', 'steal', 'chase'].map(past)).toEqual(['carried', 'hid', 'stole', 'chased']);
  expect(['hide', 'steal', 'fix'].map(participle)).toEqual(['hidden', 'stolen', 'fixed']);
  expect(['hide', 'get', 'see', 'buy'].map(ing)).toEqual(['hiding', 'getting', 'seeing', 'buying']);
  expect(['owl', 'unicorn', 'hour', 'house', 'ugly rose'].map(a)).toEqual([
    'an owl',
    'a unicorn',
    'an hour',
    'a house',
    'an ugly rose',
  ]);
  expect(sentence('the', '', 'owl')).toBe('The owl.');
});
