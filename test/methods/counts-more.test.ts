// Counts of trained parameters on GPT-2 medium and large. Golden counts are peft's; LoReFT's is r (2d + 1)
// per block.
import { expect, it } from 'vitest';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { countParameters } from '../../harness/models/delta/count-parameters.ts';
import adalora from '../../methods/adalora.ts';
import dora from '../../methods/dora.ts';
import loreft from '../../methods/loreft.ts';
import pTuning from '../../methods/p-tuning.ts';
import prefix from '../../methods/prefix.ts';
import prompt from '../../methods/prompt.ts';
import vera from '../../methods/vera.ts';

/** [name, method on a base, expected counts] */
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
  [
    'prefix',
    (base) => prefix.attach(base, prefix.options.parse({ virtualTokens: 16 })),
    { medium: 786_432, large: 1_474_560 },
  ],
  [
    'prompt',
    (base) => prompt.attach(base, prompt.options.parse({ virtualTokens: 100 })),
    { medium: 102_400, large: 128_000 },
  ],
  // The encoder has 3 (d² + d) parameters and 20 d of embeddings.
  [
    'p-tuning',
    (base) => pTuning.attach(base, pTuning.options.parse({ virtualTokens: 20 })),
    { medium: 3_169_280, large: 4_944_640 },
  ],
  // A module has r (in + out + 1) parameters at the initial rank.
  [
    'adalora',
    (base) => adalora.attach(base, adalora.options.parse({})),
    { medium: 1_179_936, large: 2_212_272 },
  ],
];

it.each(counts)('%s trains as many parameters on GPT-2 as published', async (_, attach, expected) => {
  for (const size of ['medium', 'large'] as const) {
    const base = await loadBase(`gpt2-${size}`);
    expect(countParameters(base, attach(base)).trained).toBe(expected[size]);
  }
});
