// Tests of the grammar of variants: names, labels, options, ablations and refusals.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UsageError } from '../../../../harness/support/errors.ts';
import { parseVariant, readVariant } from '../../../../harness/runs/plan/variants/parse-variant.ts';
import { describeVariant } from '../../../../harness/runs/plan/variants/variant.ts';
import type { OptionSetting } from '../../../../harness/runs/plan/variants/option-values.ts';
import { lora, methods, red } from '../../fake.ts';

const parse = (text: string) => parseVariant(text, methods);
const message = (text: string): string => {
  try {
    parse(text);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error(`${text} was accepted`);
};

test('a name alone takes every default', () => {
  const { name, label, parts } = parse('red');
  expect([name, label]).toEqual(['red', 'RED']);
  expect(parts).toEqual([{ method: red, options: { position: 'ffn', scaling: true, bias: true, rank: 1 } }]);
});

test('a plus after the first tilde belongs to the value', () => {
  const variant = parse('red~position=ffn+attn');
  expect(variant.parts).toHaveLength(1);
  expect(variant.parts[0]!.options).toMatchObject({ position: 'ffn+attn' });
  expect(variant.label).toBe('RED (position=ffn+attn)');
});

test('every way to write a variant has one name', () => {
  for (const text of ['red~no-scaling', 'red~scaling=false', 'red~scaling=false~position=ffn']) {
    expect(parse(text).name).toBe('red~no-scaling');
  }
  expect(parse('red~virtual-tokens=4,position=attn').name).toBe('red~position=attn~virtualTokens=4');
  expect(parse('lora~alpha=16').name).toBe('lora');
  expect(parse('lora~sites=query,value,alpha=3').name).toBe('lora~alpha=3');
  expect(parse('lora~sites=query').parts[0]!.options).toMatchObject({ sites: ['query'] });
});

test('a recipe sets what name and label need not say, and every option tells where it comes from', () => {
  const recipe = { from: 'recipe x', values: { rank: 4, sites: ['key'] } };
  const read = (text: string, settings: OptionSetting[] = []) => {
    const { variant, origins } = readVariant(text, methods, settings, (name) =>
      name === 'lora' ? recipe : undefined,
    );
    return [variant.name, variant.label, ...origins];
  };
  const from = { rank: 'recipe x', sites: 'recipe x' };
  expect(read('lora')).toEqual(['lora', 'LoRA', from]);
  expect(read('lora~rank=4')).toEqual(['lora', 'LoRA', { ...from, rank: '--method' }]);
  // A method's default is part of the name where the recipe sets another value.
  expect(read('lora~rank=8')).toEqual(['lora~rank=8', 'LoRA (rank=8)', { ...from, rank: '--method' }]);
  expect(read('lora', [{ key: 'alpha', value: '3', from: '--sweep' }])).toEqual([
    ...['lora~alpha=3', 'LoRA (alpha=3)'],
    { ...from, alpha: '--sweep' },
  ]);
  expect(read('red+lora~no-bias')).toEqual([
    'red+lora~red.no-bias',
    'RED (no-bias) + LoRA',
    { bias: '--method' },
    from,
  ]);
});

test('parts of a composition have their own options', () => {
  const variant = parse('red+lora~lora.rank=4~no-bias~alpha=2');
  expect(variant.name).toBe('red+lora~red.no-bias~lora.rank=4~lora.alpha=2');
  expect(variant.label).toBe('RED (no-bias) + LoRA (rank=4, alpha=2)');
  expect(variant.parts.map(({ method }) => method.name)).toEqual(['red', 'lora']);
  expect(parse(variant.name)).toEqual(variant);
});

test('--set reaches the methods that have the option, and a variant beats it', () => {
  const settings = [{ key: 'alpha', value: '4' }];
  expect(parseVariant('lora', methods, settings).name).toBe('lora~alpha=4');
  expect(parseVariant('lora~alpha=5', methods, settings).name).toBe('lora~alpha=5');
  expect(parseVariant('red', methods, settings).name).toBe('red');
});

test('what is wrong is named, with what exists', () => {
  expect(message('lorra')).toBe('There is no method "lorra". Did you mean "lora"? Methods: lora, none, red.');
  expect(message('red+')).toBe('There is no method "" (in "red+"). Methods: lora, none, red.');
  expect(message('lora~rnak=4')).toBe(
    'lora has no option "rnak". Did you mean "rank"? It has: rank, alpha, sites.',
  );
  expect(message('lora~rank=big')).toBe(
    'lora: rank=big is not allowed: got "big", wants a number. (rank: rank of the update)',
  );
  expect(message('lora~rank=1.5')).toMatch(/^lora: rank=1.5 is not allowed/);
  expect(message('lora~rank=')).toMatch(/^lora: rank= is not allowed/);
  expect(message('red~position=fnn')).toContain('got "fnn", wants one of ffn, attn, ffn+attn.');
  expect(message('red~alpha=2')).toMatch(/^red has no option "alpha"\. .* alpha is an option of lora\.$/);
  expect(message('lora~r=4')).toMatch(/^lora has no option "r"\. Did you mean "rank"\?/);
  expect(message('lora~lora-alpha=4')).toContain('Did you mean "alpha"?');
  expect(message('red~no-scalin')).toBe(
    'red has no ablation "no-scalin". Did you mean "no-scaling"? Ablations: no-scaling, no-bias.',
  );
  expect(message('lora~no-bias')).toBe(
    'lora has no ablation "no-bias". It has none; an option is set by key=value.',
  );
  expect(message('lora~rank')).toBe(
    '"rank" in "lora~rank" is an option of lora and needs a value: rank=VALUE. (rank: rank of the update)',
  );
  expect(message('red~virtual-tokens')).toMatch(
    /^"virtual-tokens" in .* needs a value: virtual-tokens=VALUE\.$/,
  );
  expect(message('red+lora~rank=2')).toBe(
    '"rank" in "red+lora~rank=2" could mean red.rank or lora.rank; say which.',
  );
  expect(message('red~lora.rank=2')).toBe(
    '"lora.rank" in "red~lora.rank=2" names no part of it; parts: red.',
  );
  expect(message('lora~rank=2~rank=3')).toBe('"lora~rank=2~rank=3" sets lora.rank twice.');
  expect(message('lora+lora')).toBe('"lora+lora" has lora twice; a method can be composed once.');
});

test('the name of any variant means that variant', () => {
  const options = fc.record({
    rank: fc.integer({ min: 1, max: 1000 }),
    alpha: fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
    sites: fc.uniqueArray(fc.constantFrom('query', 'value', 'mlpUp', 'mlpOutput'), { minLength: 1 }),
    position: fc.constantFrom('ffn', 'attn', 'ffn+attn'),
    scaling: fc.boolean(),
  });
  fc.assert(
    fc.property(options, ({ rank, alpha, sites, position, scaling }) => {
      const loraOptions = `lora.rank=${rank}~alpha=${alpha}~sites=${sites.join(',')}`;
      const text = `lora+red~${loraOptions}~position=${position}~scaling=${String(scaling)}`;
      const variant = parse(text);
      expect(variant.parts[0]).toEqual({ method: lora, options: { rank, alpha, sites } });
      expect(variant.parts[1]!.options).toMatchObject({ position, scaling, bias: true });
      expect(parse(variant.name)).toEqual(variant);
    }),
  );
});

test('any text is either a variant or a usage error', () => {
  const piece = fc.constantFrom('red', 'lora', '+', '~', '=', ',', '.', 'rank', '4', 'no-bias', 'sites', '');
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(piece).map((pieces) => pieces.join('')),
      ),
      (text) => {
        try {
          const variant = parse(text);
          expect(parse(variant.name)).toEqual(variant);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('a long text is named by its beginning and a hash', () => {
  const text = 'words '.repeat(40).trim();
  const withText = describeVariant([{ method: lora, options: { ...parse('lora').parts[0]!.options, text } }]);
  expect(withText.name).toMatch(/^lora~text=words words [a-z ]+…[0-9a-f]{8}$/);
  expect(withText.name.length).toBeLessThan(70);
});
