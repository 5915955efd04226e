// Regression test: rank_pattern and alpha_pattern were refused, even where they repeat r. Golden files are
// peft's, written by make-adapters.py: several matching keys, a pattern without effect, rsLoRA and DoRA.
import { describe, expect, it } from 'vitest';
import { numbersByPattern } from '../../harness/exchange/peft/patterns.ts';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { describeAdapters, openGolden } from './adapters.ts';

describeAdapters('exchange-rank-alpha-pattern');

describe('exchange-rank-alpha-pattern: what is read', () => {
  it.each([
    ['case', { rank: 2, alpha: 6, ranks: ['query:4'], alphas: ['value:16'] }],
    ['first-match', { rank: 2, alpha: 6, ranks: ['0.self_attn.q_proj:5', '1.self_attn.q_proj:4'] }],
    ['as-usual', { rank: 2, alpha: 6 }],
  ])('%s', async (variant, options) => {
    const { folder, base } = await openGolden('exchange-rank-alpha-pattern', variant);
    const adapter = await readAdapter(folder, base);
    expect(adapter.options).toMatchObject(options);
    expect('ranks' in adapter.options).toBe('ranks' in options);
  });
});

describe('a pattern', () => {
  const names = ['model.layers.1.self_attn.q_proj', 'model.layers.11.self_attn.q_proj', 'model.q_proj_2'];
  const numbers = (pattern: Record<string, number>): number[] => [
    ...numbersByPattern(pattern, names, 8, { where: 'F', setting: 'rank_pattern' }).values(),
  ];

  it.each([
    [{ q_proj: 4 }, [4, 4, 8]],
    [{ 'layers.1.self_attn.q_proj': 4 }, [4, 8, 8]],
    [{ '.*1.self_attn.q_proj': 4 }, [4, 4, 8]],
    [{ proj: 4 }, [8, 8, 8]],
    [{ '^q_proj': 4, '^model.*': 2, q_proj: 3 }, [2, 2, 2]],
    [{ 'q_proj|q_proj_2': 4 }, [4, 4, 4]],
    [{ '(?P<x>q_proj)': 4, '.*': 1 }, [4, 4, 1]],
  ])('%j matches as peft does', (pattern, expected) => {
    expect(numbers(pattern)).toEqual(expected);
  });
});
