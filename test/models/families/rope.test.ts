// Rotary angles and their factor against transformers, from settings as it writes them and as older files do.
// test/golden/parity/rope.py writes the golden.
import { expect, it } from 'vitest';
import { llamaConfig } from '../../../harness/models/families/llama.ts';
import { qwen2Config } from '../../../harness/models/families/qwen.ts';
import { readGolden } from '../../parity/folder.ts';

interface Golden {
  readonly cases: readonly {
    readonly config: { readonly model_type: string; readonly [setting: string]: unknown };
    readonly frequencies: number[];
    readonly scale: number;
  }[];
}

const { cases } = readGolden<Golden>('rope.json');
const describeRope = ({ rope_parameters, rope_scaling, rope_theta }: Golden['cases'][number]['config']) =>
  JSON.stringify({ rope_parameters, rope_scaling, rope_theta });
it.each(cases.map((one) => [one.config.model_type, describeRope(one.config), one] as const))(
  '%s turns heads as transformers does: %s',
  (family, _, { config, frequencies, scale }) => {
    const { rope } = (family === 'llama' ? llamaConfig : qwen2Config).parse(config);
    expect(rope.table.frequencies).toBeAllclose(frequencies, { atol: 0, rtol: 1e-6 });
    expect(rope.table.scale).toBeCloseTo(scale, 12);
  },
);
