import { z } from 'zod';
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import { headCount, layerCount, tableRows, widthSize } from './config-fields.ts';
import { ownHeadName } from '../architecture.ts';
import type {
  PrefixStates,
  Architecture,
  DecoderBatch,
  DecoderStates,
  ModelTensors,
} from '../architecture.ts';
import {
  attendPast,
  attendTokens,
  blockAt,
  causalBias,
  dropoutAt,
  layerNormAt,
  linearAt,
  selectWanted,
  sublayerAt,
} from './layers.ts';
import type { Shape, Site } from '../edits.ts';

/** The part of Hugging Face's GPT2Config that the forward pass depends on. */
export const gpt2Config = z
  .looseObject({
    model_type: z.literal('gpt2'),
    vocab_size: tableRows,
    n_positions: tableRows,
    n_embd: widthSize,
    n_layer: layerCount,
    n_head: headCount,
    n_inner: widthSize.nullish(),
    activation_function: z.enum(['gelu_new', 'gelu_pytorch_tanh']).default('gelu_new'),
    layer_norm_epsilon: z.number().positive().default(1e-5),
    resid_pdrop: z.number().min(0).lt(1).default(0.1),
    embd_pdrop: z.number().min(0).lt(1).default(0.1),
    attn_pdrop: z.number().min(0).lt(1).default(0.1),
    initializer_range: z.number().positive().default(0.02),
    scale_attn_weights: z.literal(true).default(true),
    scale_attn_by_inverse_layer_idx: z.literal(false).default(false),
    add_cross_attention: z.literal(false).default(false),
    tie_word_embeddings: z.boolean().default(true),
  })
  .refine(({ n_embd, n_head }) => n_embd % n_head === 0, {
    error: ({ input }) => {
      const { n_embd, n_head } = input as { n_embd: number; n_head: number };
      return `n_embd ${n_embd} is no multiple of n_head ${n_head}`;
    },
  });
type Config = z.infer<typeof gpt2Config>;

/**
 * GPT-2 (Radford et al., 2019) as Hugging Face's GPT2LMHeadModel computes it: pre-norm blocks, whose output is the embedding
 * unless it has a weight of its own.
 */
export function gpt2(config: Config, ownHead = !config.tie_word_embeddings): Architecture {
  const {
    n_embd: d,
    n_layer: layers,
    n_head: heads,
    vocab_size: vocabulary,
    n_positions: positions,
  } = config;
  const inner = config.n_inner ?? 4 * d;
  const stack = 'decoder' as const;
  const embedding = 'transformer.wte.weight';

  const shapes: Record<string, Shape> = {
    [embedding]: [vocabulary, d],
    'transformer.wpe.weight': [positions, d],
  };
  const sites: Site[] = [];
  const place = (site: Omit<Site, 'stack'>, weight?: Shape): void => {
    sites.push({ ...site, stack });
    if (weight) {
      shapes[`${site.name}.weight`] = weight;
      shapes[`${site.name}.bias`] = [site.outputs];
    }
  };
  for (let layer = 0; layer < layers; layer++) {
    const h = `transformer.h.${layer}`;
    const norm = (role: Site['role'], name: string): void => {
      place({ kind: 'norm', role, layer, name, inputs: d, outputs: d, bias: true }, [d]);
    };
    const linear = (role: Site['role'], name: string, inputs: number, outputs: number): void => {
      place({ kind: 'linear', role, layer, name, inputs, outputs, bias: true }, [inputs, outputs]);
    };
    const whole = (kind: Site['kind'], role: Site['role'], name: string): void => {
      place({ kind, role, layer, name, inputs: d, outputs: d, bias: false });
    };
    norm('attentionNorm', `${h}.ln_1`);
    linear('queryKeyValue', `${h}.attn.c_attn`, d, 3 * d);
    linear('attentionOutput', `${h}.attn.c_proj`, d, d);
    whole('sublayer', 'attention', `${h}.attn`);
    norm('mlpNorm', `${h}.ln_2`);
    linear('mlpUp', `${h}.mlp.c_fc`, d, inner);
    linear('mlpOutput', `${h}.mlp.c_proj`, inner, d);
    whole('sublayer', 'mlp', `${h}.mlp`);
    whole('block', 'block', h);
  }
  place({ kind: 'norm', role: 'finalNorm', layer: layers, name: 'transformer.ln_f', inputs: d, outputs: d, bias: true }, [d]); // prettier-ignore
  if (ownHead) shapes[ownHeadName] = [vocabulary, d];
  const siteAt = new Map(sites.map((site) => [site.name, site]));

  function decode(whole: ModelTensors, batch: DecoderBatch): DecoderStates {
    const { outputRows } = batch;
    let model = whole;
    const at = (name: string): Site => siteAt.get(name)!;
    const linear = (name: string, x: Tensor): Tensor => linearAt(model, at(name), false, x);
    const norm = (name: string, x: Tensor): Tensor =>
      layerNormAt(model, at(name), config.layer_norm_epsilon, x);
    const scale = 1 / Math.sqrt(d / heads);
    const bias = batch.past ? undefined : (batch.bias ?? causalBias(batch.length));
    const keys: Tensor[] = [];
    const values: Tensor[] = [];
    const prefixStates: PrefixStates[] = [];
    // Behind a past, prefix and virtual tokens stand in the cache, and positions count them already.
    const prefixes = Array.from({ length: layers }, (_, layer) =>
      batch.past ? undefined : model.edits.prefix?.(at(`transformer.h.${layer}.attn`)),
    );
    const prompt = batch.past ? undefined : model.edits.prompt?.(stack);
    const [before, virtual] = [prefixes[0]?.key.shape[0] ?? 0, prompt?.shape[0] ?? 0];
    const shift = before + virtual;

    const positionTable = model.weight('transformer.wpe.weight');
    const positions = shift > 0 ? batch.positions.add(ops.scalar(shift, 'int32')) : batch.positions;
    const words = ops.gather(model.weight(embedding), batch.ids);
    const embedded = words.add(ops.gather(positionTable, positions));
    const all = prompt
      ? ops.concat([embedded, prompt.add(ops.slice(positionTable, [before, 0], [virtual, d]))], 0)
      : embedded;
    let x = dropoutAt(model, all, config.embd_pdrop, 'transformer.drop');
    ops.boundary(x);
    for (let layer = 0; layer < layers; layer++) {
      const h = `transformer.h.${layer}`;

      let attended = norm(`${h}.ln_1`, x);
      const queryKeyValue = linear(`${h}.attn.c_attn`, attended);
      let mixed: Tensor;
      if (batch.past) {
        const [q, k, v] = ops.split(queryKeyValue, 3, 1) as [Tensor, Tensor, Tensor];
        keys.push(k);
        values.push(v);
        mixed = attendPast(q, k, v, { past: batch.past, layer, heads, scale });
      } else {
        const keep = (shape: number[], rows: string): Tensor | undefined =>
          model.dropout
            ? model.context.dropoutMask(shape, config.attn_pdrop, `${h}.attn.attn_dropout${rows}`)
            : undefined;
        const prefix = prefixes[layer];
        const made = attendTokens(batch, [queryKeyValue], {
          heads,
          scale,
          bias: bias!,
          virtual,
          prefix,
          keep,
        });
        keys.push(made.key);
        values.push(made.value);
        if (made.prefix) prefixStates.push(made.prefix);
        mixed = made.mixed;
      }
      if (outputRows && layer === layers - 1) {
        // From here on nothing reads the states of other tokens.
        model = model.only(outputRows);
        [x, attended, mixed] = [selectWanted(outputRows, x), selectWanted(outputRows, attended), selectWanted(outputRows, mixed)]; // prettier-ignore
      }
      const a = sublayerAt(model, at(`${h}.attn`), linear(`${h}.attn.c_proj`, mixed), attended);
      x = x.add(dropoutAt(model, a, config.resid_pdrop, `${h}.attn.resid_dropout`));

      const normal = norm(`${h}.ln_2`, x);
      const up = ops.geluTanh(linear(`${h}.mlp.c_fc`, normal));
      const m = sublayerAt(model, at(`${h}.mlp`), linear(`${h}.mlp.c_proj`, up), normal);
      x = blockAt(model, at(h), x.add(dropoutAt(model, m, config.resid_pdrop, `${h}.mlp.dropout`)));
    }
    const real = virtual > 0 && !outputRows ? ops.slice(x, [0, 0], [x.shape[0] - virtual, d]) : x;
    return { hidden: norm('transformer.ln_f', real), keys, values, prefixes: prefixStates };
  }

  return {
    family: 'gpt2',
    kind: 'decoder',
    sites,
    shapes,
    layers,
    heads,
    kvHeads: heads,
    width: d,
    headWidth: d / heads,
    vocabulary,
    positions,
    embedding,
    head: ownHead ? ownHeadName : embedding,
    mayTie: config.tie_word_embeddings,
    transposed: false,
    // Hugging Face's GPT2PreTrainedModel: projections into the residual stream are scaled down by √(2 · layers).
    initial(name) {
      if (/\bln_\w+\.weight$/.test(name)) return { kind: 'constant', value: 1 };
      if (name.endsWith('.bias')) return { kind: 'constant', value: 0 };
      const scaled = name.endsWith('c_proj.weight') ? Math.sqrt(2 * layers) : 1;
      return { kind: 'normal', deviation: config.initializer_range / scaled };
    },
    // GPT-2 on the hub leaves the prefix out, and brings masks as buffers.
    aliases: (name) => [
      name.replace('transformer.', ''),
      ...(name === embedding && !ownHead ? [ownHeadName] : []),
    ],
    isBuffer: (name) => /\.attn\.(masked_)?bias$/.test(name),
    decode,
  };
}
