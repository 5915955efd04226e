import { expect, test } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { sides } from '../../harness/papers/discrepancy.ts';
import { discrepancies } from '../../harness/papers/find-discrepancies.ts';
import { redRecipes } from '../../harness/papers/red/recipes.ts';
import {
  namedProtocol,
  parseProtocol,
  protocolSettings,
  sidesOf,
  type Protocol,
} from '../../harness/papers/protocol.ts';
import { recipeSchema } from '../../harness/training/recipe.ts';

const run = (task: string, model = 'none', methods = ['red']) => ({ task, model, methods });
const settingsOf = (protocol: Protocol, task: string, model?: string) =>
  protocolSettings(protocol, run(task, model));

test('recommended takes the suggested side of each entry', () => {
  const protocol = parseProtocol([]);
  expect(protocol.name).toBe('recommended');
  expect(settingsOf(protocol, 'e2e')).toEqual({ stopAtEnd: true });
});

test('code decodes without an end token; a single entry takes another side', () => {
  expect(settingsOf(parseProtocol(['code']), 'e2e')).toEqual({ stopAtEnd: false, maxNewTokens: 256 });
  const mixed = parseProtocol(['e2e-no-eos=paper', 'code']);
  expect(mixed.name).toBe('code e2e-no-eos=paper');
  expect(settingsOf(mixed, 'e2e')).toEqual({ stopAtEnd: true });
});

test('huggingface stands beside the sides and changes none', () => {
  const protocol = parseProtocol(['e2e-no-eos=paper', 'huggingface', 'code']);
  expect([protocol.name, protocol.hasClassifiers]).toEqual(['code huggingface e2e-no-eos=paper', true]);
  expect(namedProtocol(protocol.name)).toMatchObject({ name: protocol.name, hasClassifiers: true });
  expect(settingsOf(protocol, 'e2e')).toEqual({ stopAtEnd: true });
  expect(parseProtocol(['code']).hasClassifiers).toBe(false);
  expect(() => parseProtocol(['hugingface'])).toThrow('Did you mean "huggingface"?');
});

test('an entry leaves other tasks alone', () => {
  expect(settingsOf(parseProtocol(['code']), 'copy')).toEqual({});
});

test('published takes the side that gave the printed numbers, else the suggested one', () => {
  const protocol = parseProtocol(['published']);
  expect(protocol.name).toBe('published');
  expect(settingsOf(protocol, 'e2e')).toEqual({ stopAtEnd: false, maxNewTokens: 256 });
  expect(protocol.side('dropout-first-epoch')).toBe('code');
  expect(protocol.side('t5-mnli-two-class')).toBe('code');
  // Not known: the suggested ones.
  expect(protocol.side('seeds-mnli-qnli-qqp')).toBe('paper');
  expect(protocol.side('lr-t5-sst2')).toBe('code');
  expect(parseProtocol(['published', 'e2e-no-eos=paper']).name).toBe('published e2e-no-eos=paper');
});

test("GLUE's optimiser and dropout; rates of single cells", () => {
  const of = (side: string, task = 'cola', model = 'none') => settingsOf(parseProtocol([side]), task, model);
  expect(of('recommended')).toEqual({ optimizer: 'adamw-hf' });
  expect(of('paper')).toEqual({ optimizer: 'adamw' });
  expect(of('code')).toEqual({ optimizer: 'adamw-hf', dropoutFrom: 'first-evaluation' });
  expect(of('corrected')).toEqual({ optimizer: 'adamw' });
  expect(of('paper', 'sst2', 'roberta-large').learningRate).toBe(1e-3);
  expect(of('code', 'sst2', 'roberta-large').learningRate).toBe(3e-3);
  expect(of('recommended', 'sst2', 't5-base').learningRate).toBe(2e-2);
  const lora = run('sst2', 'roberta-large', ['lora']);
  expect(protocolSettings(parseProtocol(['code']), lora)).not.toHaveProperty('learningRate');
});

test('the sides of a run name what matters to it and nothing else', () => {
  const cola = { ...run('cola', 'roberta-base'), family: 'roberta' };
  expect(sidesOf(parseProtocol([]), cola)).toEqual({
    'split-seeded': 'code',
    'split-cola': 'code',
    'head-trained': 'code',
    'dropout-first-epoch': 'corrected',
    'optimizer-adamw': 'code',
    'seeds-cola-rte': 'corrected',
  });
  // Built-in data come parted into their splits.
  expect(Object.keys(sidesOf(parseProtocol([]), { ...cola, data: 'built-in' }))).toEqual([
    'head-trained',
    'dropout-first-epoch',
    'optimizer-adamw',
    'seeds-cola-rte',
  ]);
  const t5 = sidesOf(parseProtocol(['code']), { ...run('mnli'), family: 't5' });
  expect(Object.keys(t5).filter((id) => id.includes('t5'))).toEqual([
    'split-t5',
    't5-format',
    't5-mnli-two-class',
  ]);
  expect(sidesOf(parseProtocol([]), run('copy'))).toEqual({});
});

test('every entry has its own name, settings that exist, and models that have recipes', () => {
  expect(new Set(discrepancies.map(({ id }) => id)).size).toBe(discrepancies.length);
  const known = new Set(redRecipes.map(({ model }) => model));
  for (const { settings, models = [], families } of discrepancies) {
    for (const side of sides)
      expect(recipeSchema.partial().safeParse(settings?.[side] ?? {}).error).toBeUndefined();
    expect(models.filter((model) => !known.has(model))).toEqual([]);
    // Hyper-parameters are settled before the family is known.
    if (families) expect(settings).toBeUndefined();
  }
});

test('names what exists', () => {
  for (const [words, message] of [
    [
      ['cod'],
      /no protocol "cod"\. Did you mean "code"\? Protocols: recommended, .*, corrected, huggingface\./,
    ],
    [['e2e-no-eo=code'], /no discrepancy "e2e-no-eo"\. Did you mean "e2e-no-eos"\?/],
    [['e2e-no-eos=right'], /a side is one of paper, code, corrected/],
  ] as const) {
    expect(() => parseProtocol(words)).toThrow(UsageError);
    expect(() => parseProtocol(words)).toThrow(message);
  }
});
