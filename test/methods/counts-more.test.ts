import { expect, it } from 'vitest';
import { loadBase } from '../../harness/models/base.ts';
import type { BaseModel, Delta } from '../../harness/models/types.ts';
import { countParameters } from '../../harness/runs/parameters.ts';
import dora from '../../methods/dora.ts';
import loreft from '../../methods/loreft.ts';
import vera from '../../methods/vera.ts';

/** Counted by peft itself, LoReFT's by its formula, r (2d + 1) a block. */
const counts: [string, (base: BaseModel) => Delta, { medium: number; large: number }][] = [
  [
    'dora',
    (base) => dora.attach(base, dora.options.parse({ rank: 8 })),
    { medium: 860_160, large: 1_612_800 },
  ],
  [
    'vera',
    (base) => vera.attach(base, vera.options.parse({ rank: 256 })),
    { medium: 79_872, large: 147_456 },
  ],
  [
    'loreft, tied',
    (base) => loreft.attach(base, loreft.options.parse({ rank: 8, tied: true })),
    { medium: 393_408, large: 737_568 },
  ],
  [
    'loreft, untied',
    (base) => loreft.attach(base, loreft.options.parse({ rank: 8, tied: false })),
    { medium: 786_816, large: 1_475_136 },
  ],
];

it.each(counts)('%s trains as many parameters on GPT-2 as published', async (_, attach, expected) => {
  for (const size of ['medium', 'large'] as const) {
    const base = await loadBase(`gpt2-${size}`);
    expect(countParameters(base, attach(base)).trained).toBe(expected[size]);
  }
});
