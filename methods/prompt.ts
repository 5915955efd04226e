/**
 * Prompt tuning (Lester et al. 2021) as Hugging Face peft defines it: X → [P; X], trained embeddings P [l, d]
 * of virtual tokens before the input. The base stays as it is, so that one model serves many tasks; it wants
 * large models, many steps and a high learning rate, and takes l of the base's positions.
 */
import { z } from 'zod';
import { type BaseModel, defineMethod, type Random } from '../harness/method.ts';
import { requireRoom } from './shared/virtual-tokens.ts';

export default defineMethod({
  name: 'prompt',
  label: 'Prompt Tuning',
  paper: 'Lester et al. 2021, arXiv:2104.08691',
  formula: 'X → [P; X]',
  options: z.strictObject({
    virtualTokens: z.int().positive().default(100).describe('l, tokens before the input'),
    start: z
      .enum(['random', 'vocabulary', 'text'])
      .default('random')
      .describe("N(0, 1), the base's embeddings of tokens drawn at random, or those of a text"),
    text: z.string().min(1).optional().describe('cut or repeated to l tokens; for start=text'),
  }),
  ablations: { 'start=vocabulary': { start: 'vocabulary' } },
  defaults: { learningRate: 1e-2 },
  attach(base, { virtualTokens: l, start, text }) {
    requireRoom(base, l);
    if ((start === 'text') !== (text !== undefined)) {
      throw new RangeError('prompt tuning takes a text with start=text, and only then');
    }
    const { width, embeddingWidth: d = width } = base.architecture;
    return {
      trained: {
        'embedding.weight': {
          shape: [l, d],
          init: async (random, model) =>
            start === 'random'
              ? random.normal(l * d, 0, 1)
              : embeddingsOf(model, await tokensOf(model, l, text, random)),
        },
      },
      promptLength: l,
      edits: (x) => ({ prompt: () => x['embedding.weight'] }),
    };
  },
});

/** The tokens that the prompt starts as: those of a text, or drawn from the vocabulary. */
async function tokensOf(
  base: BaseModel,
  count: number,
  text: string | undefined,
  random: Random,
): Promise<Int32Array> {
  if (text === undefined) return random.integers(count, base.architecture.vocabulary);
  const ids = (await base.tokenizer()).encode(text, { specialTokens: true });
  if (ids.length === 0) throw new RangeError(`the text "${text}" has no tokens`);
  return Int32Array.from({ length: count }, (_, i) => ids[i % ids.length]!);
}

/** The base's embeddings of tokens, [l, d]. */
async function embeddingsOf({ architecture, tensor }: BaseModel, ids: Int32Array): Promise<Float32Array> {
  const { embedding, embeddingWidth: width = architecture.width } = architecture;
  const table = await tensor(embedding);
  const rows = new Float32Array(ids.length * width);
  ids.forEach((id, i) => {
    rows.set(table.subarray(id * width, (id + 1) * width), i * width);
  });
  return rows;
}
