import { z } from 'zod';
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import { headCount, layerCount, tableRows, widthSize } from './config-fields.ts';
import { ownHeadName } from '../architecture.ts';
import type {
  Architecture,
  DecoderBatch,
  DecoderStates,
  EncoderBatch,
  EncoderStates,
  ModelTensors,
  Past,
} from '../architecture.ts';
import {
  attendPast,
  attendTokens,
  blockAt,
  causalBias,
  dropoutAt,
  layOut,
  linearAt,
  rmsNormAt,
  sublayerAt,
  takeBack,
  toSlots,
  selectWanted,
  toTokens,
} from './layers.ts';
import { relativeBuckets } from './relative-positions.ts';
import type { Shape, Site } from '../edits.ts';

/** The part of Hugging Face's T5Config that the forward pass depends on. */
export const t5Config = z
  .looseObject({
    model_type: z.literal('t5'),
    vocab_size: tableRows,
    d_model: widthSize,
    d_kv: widthSize,
    d_ff: widthSize,
    num_layers: layerCount,
    num_decoder_layers: layerCount.nullish(),
    num_heads: headCount,
    relative_attention_num_buckets: tableRows.min(4).multipleOf(2).default(32),
    relative_attention_max_distance: tableRows.default(128),
    dropout_rate: z.number().min(0).lt(1).default(0.1),
    layer_norm_epsilon: z.number().positive().default(1e-6),
    initializer_factor: z.number().positive().default(1),
    feed_forward_proj: z.enum(['relu', 'gated-gelu']).default('relu'),
    is_encoder_decoder: z.literal(true).default(true),
    tie_word_embeddings: z.boolean().default(true),
    scale_decoder_outputs: z.boolean().optional(),
    decoder_start_token_id: z.int().min(0).default(0),
    // Weights of another number format under the same names.
    quantization_config: z.null().optional(),
  })
  .superRefine((config, context) => {
    const { relative_attention_max_distance: farthest, relative_attention_num_buckets: buckets } = config;
    if (farthest > buckets / 2) return;
    const message = `${farthest} is not above ${buckets / 2}, half of relative_attention_num_buckets`;
    context.addIssue({ code: 'custom', path: ['relative_attention_max_distance'], message });
  });
type Config = z.infer<typeof t5Config>;
type Stack = Site['stack'];

/** Whether the states before the output are scaled: transformers 5 saves every T5 as tied and says it by itself. */
const isScaled = (config: Config): boolean => config.scale_decoder_outputs ?? config.tie_word_embeddings;

/**
 * T5 (Raffel et al., 2020) and T5 1.1 as Hugging Face's T5ForConditionalGeneration computes them: pre-norm blocks without
 * biases, positions as a bias of the scores that all layers of a stack share, no scale of the scores. 1.0 has ReLU and its
 * output is the embedding, scaled by d^-0.5; 1.1 has a gated GELU, no scale and an output of its own. transformers 5 takes
 * the scale from config.json and whether the output is the embedding from the tensors.
 */
export function t5(config: Config, ownHead = !isScaled(config) || !config.tie_word_embeddings): Architecture {
  const { d_model: d, d_kv: headWidth, d_ff: inner, num_heads: heads, vocab_size: vocabulary } = config;
  const layers = { encoder: config.num_layers, decoder: config.num_decoder_layers ?? config.num_layers };
  const width = heads * headWidth;
  const gated = config.feed_forward_proj === 'gated-gelu';
  const scaled = isScaled(config);
  const { relative_attention_num_buckets: buckets, relative_attention_max_distance: farthest } = config;
  const table = (stack: Stack): string =>
    `${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`;

  const shapes: Record<string, Shape> = { 'shared.weight': [vocabulary, d] };
  const sites: Site[] = [];
  const place = (site: Site, weight?: Shape): void => {
    sites.push(site);
    if (weight) shapes[`${site.name}.weight`] = weight;
  };
  for (const stack of ['encoder', 'decoder'] as const) {
    for (let layer = 0; layer < layers[stack]; layer++) {
      const block = `${stack}.block.${layer}`;
      const at = { stack, layer, bias: false };
      const whole = { ...at, inputs: d, outputs: d };
      const linear = (
        site: Pick<Site, 'role' | 'attention' | 'name'>,
        inputs: number,
        outputs: number,
      ): void => {
        place({ ...at, ...site, kind: 'linear', inputs, outputs }, [outputs, inputs]);
      };
      const attend = (attention: 'self' | 'cross', sublayer: string, name: string): void => {
        place({ ...whole, kind: 'norm', role: 'attentionNorm', attention, name: `${sublayer}.layer_norm` }, [
          d,
        ]);
        linear({ role: 'query', attention, name: `${name}.q` }, d, width);
        linear({ role: 'key', attention, name: `${name}.k` }, d, width);
        linear({ role: 'value', attention, name: `${name}.v` }, d, width);
        linear({ role: 'attentionOutput', attention, name: `${name}.o` }, width, d);
        place({ ...whole, kind: 'sublayer', role: 'attention', attention, name });
      };
      attend('self', `${block}.layer.0`, `${block}.layer.0.SelfAttention`);
      if (layer === 0) shapes[table(stack)] = [buckets, heads];
      if (stack === 'decoder') attend('cross', `${block}.layer.1`, `${block}.layer.1.EncDecAttention`);
      const feedForward = `${block}.layer.${stack === 'decoder' ? 2 : 1}`;
      const dense = `${feedForward}.DenseReluDense`;
      place({ ...whole, kind: 'norm', role: 'mlpNorm', name: `${feedForward}.layer_norm` }, [d]);
      if (gated) linear({ role: 'mlpGate', name: `${dense}.wi_0` }, d, inner);
      linear({ role: 'mlpUp', name: gated ? `${dense}.wi_1` : `${dense}.wi` }, d, inner);
      linear({ role: 'mlpOutput', name: `${dense}.wo` }, inner, d);
      place({ ...whole, kind: 'sublayer', role: 'mlp', name: dense });
      place({ ...whole, kind: 'block', role: 'block', name: block });
    }
    const name = `${stack}.final_layer_norm`;
    place({ kind: 'norm', role: 'finalNorm', stack, layer: layers[stack], name, inputs: d, outputs: d, bias: false }, [d]); // prettier-ignore
  }
  if (ownHead) shapes[ownHeadName] = [vocabulary, d];
  const siteAt = new Map(sites.map((site) => [site.name, site]));

  /** The steps that both stacks take, on activations [N, d]. */
  function layersOf(model: ModelTensors) {
    const at = (name: string): Site => siteAt.get(name)!;
    const linear = (name: string, x: Tensor): Tensor => linearAt(model, at(name), true, x);
    const norm = (name: string, x: Tensor): Tensor =>
      rmsNormAt(model, at(name), config.layer_norm_epsilon, x);
    const drop = (x: Tensor, name: string): Tensor => dropoutAt(model, x, config.dropout_rate, name);
    const keep = (shape: number[], name: string): Tensor | undefined =>
      model.dropout ? model.context.dropoutMask(shape, config.dropout_rate, name) : undefined;
    /** Adds what a sublayer makes of the normalised activations. */
    const sublayer = (x: Tensor, layer: string, name: string, make: (normal: Tensor) => Tensor): Tensor => {
      const normal = norm(`${layer}.layer_norm`, x);
      return x.add(drop(sublayerAt(model, at(name), make(normal), normal), `${layer}.dropout`));
    };
    return {
      linear,
      norm,
      drop,
      keep,
      sublayer,
      embed: (ids: Tensor): Tensor => ops.gather(model.weight('shared.weight'), ids),
      feedForward: (x: Tensor, layer: string): Tensor => {
        const dense = `${layer}.DenseReluDense`;
        return sublayer(x, layer, dense, (normal) => {
          const up = linear(gated ? `${dense}.wi_1` : `${dense}.wi`, normal);
          const active = gated ? ops.geluTanh(linear(`${dense}.wi_0`, normal)).mul(up) : up.relu();
          return linear(`${dense}.wo`, drop(active, `${dense}.dropout`));
        });
      },
      block: (x: Tensor, name: string): Tensor => blockAt(model, at(name), x),
      prefix: (name: string) => model.edits.prefix?.(at(name)),
    };
  }

  /** [1, H, q, k]: the bias of queries that stand `shift` tokens behind the first key. */
  function positionBias(model: ModelTensors, stack: Stack, queries: number, keys: number, shift = 0): Tensor {
    const relative = Int32Array.from({ length: queries * keys }, (_, i) => (i % keys) - Math.floor(i / keys) - shift); // prettier-ignore
    const index = relativeBuckets(relative, { both: stack === 'encoder', buckets, farthest });
    const each = ops.gather(model.weight(table(stack)), ops.tensor(index, [queries * keys], 'int32'));
    return each.reshape([1, queries, keys, heads]).transpose([0, 3, 1, 2]);
  }

  function encode(model: ModelTensors, batch: EncoderBatch): EncoderStates {
    const { linear, norm, drop, keep, sublayer, embed, feedForward, block } = layersOf(model);
    const prompt = model.edits.prompt?.('encoder');
    const virtual = prompt?.shape[0] ?? 0;
    const slots = virtual + batch.length;
    const mask = virtual > 0 ? ops.concat([ops.zeros([batch.batch, 1, 1, virtual]), batch.bias], 3) : batch.bias; // prettier-ignore
    const bias = positionBias(model, 'encoder', slots, slots).add(mask);
    const words = embed(batch.ids);
    const repeated = prompt && ops.ones([batch.batch, 1, 1]).mul(ops.expandDims(prompt, 0)).reshape([-1, d]);
    let x = drop(repeated ? ops.concat([words, repeated], 0) : words, 'encoder.dropout');
    ops.boundary(x);
    for (let layer = 0; layer < layers.encoder; layer++) {
      const name = `encoder.block.${layer}`;
      const attention = `${name}.layer.0.SelfAttention`;
      x = sublayer(x, `${name}.layer.0`, attention, (normal) => {
        const part = (which: string): Tensor => layOut(batch, linear(`${attention}.${which}`, normal), virtual); // prettier-ignore
        const mixed = ops.attention(
          ...([part('q'), part('k'), part('v')] as const),
          { batch: batch.batch, heads, scale: 1 },
          bias,
          keep([batch.batch, heads, slots, slots], `${attention}.dropout`),
        );
        return linear(`${attention}.o`, takeBack(batch, mixed, virtual));
      });
      x = block(feedForward(x, `${name}.layer.1`), name);
    }
    const hidden = drop(norm('encoder.final_layer_norm', x), 'encoder.final_dropout');
    if (virtual === 0) return { hidden };
    const own = x.shape[0] - batch.batch * virtual;
    const [tokens, others] = ops.split(hidden, [own, batch.batch * virtual], 0) as [Tensor, Tensor];
    return { hidden: tokens, virtual: others };
  }

  function decode(model: ModelTensors, batch: DecoderBatch): DecoderStates {
    const { linear, norm, drop, keep, sublayer, embed, feedForward, block, prefix } = layersOf(model);
    const { past, source } = batch;
    const names = Array.from({ length: layers.decoder }, (_, layer) => `decoder.block.${layer}`);
    // Behind a past a prefix stands in the cache, and positions count it already.
    const prefixes = names.map((name) => (past ? undefined : prefix(`${name}.layer.0.SelfAttention`)));
    const before = prefixes[0]?.key.shape[0] ?? 0;
    const own = past ? pastBias(model, past, batch.positions) : positionBias(model, 'decoder', batch.length, batch.length).add(batch.bias ?? causalBias(batch.length)); // prettier-ignore
    const prefixBias = before > 0 ? positionBias(model, 'decoder', batch.length, before, before) : undefined;
    const reads = past ? past.source : undefined;
    if (!source && !reads) throw new RangeError("T5's decoder has nothing to read: its source is missing");
    const virtual = source?.states.virtual ? source.states.virtual.shape[0] / batch.batch : 0;
    const sourceRows = source && (source.states.virtual ? ops.concat([source.states.hidden, source.states.virtual], 0) : source.states.hidden); // prettier-ignore
    const sourceBias = source && (virtual > 0 ? ops.concat([ops.zeros([batch.batch, 1, 1, virtual]), source.bias], 3) : source.bias); // prettier-ignore

    const states = { keys: [] as Tensor[], values: [] as Tensor[], prefixes: [] as DecoderStates['prefixes'][number][] }; // prettier-ignore
    const read = { keys: [] as Tensor[], values: [] as Tensor[] };
    let x = drop(embed(batch.ids), 'decoder.dropout');
    ops.boundary(x);
    names.forEach((name, layer) => {
      const self = `${name}.layer.0.SelfAttention`;
      x = sublayer(x, `${name}.layer.0`, self, (normal) => {
        const [q, k, v] = [linear(`${self}.q`, normal), linear(`${self}.k`, normal), linear(`${self}.v`, normal)]; // prettier-ignore
        if (past) {
          states.keys.push(k);
          states.values.push(v);
          return linear(`${self}.o`, attendPast(q, k, v, { past: { ...past, bias: own }, layer, heads, scale: 1 })); // prettier-ignore
        }
        const made = attendTokens(batch, [q, k, v], {
          ...{ heads, scale: 1, bias: own, virtual: 0, prefix: prefixes[layer] },
          ...(prefixBias && { prefixBias }),
          keep: (shape, rows) => keep(shape, `${self}.dropout${rows}`),
        });
        states.keys.push(made.key);
        states.values.push(made.value);
        if (made.prefix) states.prefixes.push(made.prefix);
        return linear(`${self}.o`, made.mixed);
      });

      const cross = `${name}.layer.1.EncDecAttention`;
      x = sublayer(x, `${name}.layer.1`, cross, (normal) => {
        const q = linear(`${cross}.q`, normal);
        if (reads) return linear(`${cross}.o`, attendSource(q, reads, layer, heads));
        const slotsOf = (which: string): Tensor =>
          layOut({ ...source!, batch: batch.batch }, linear(`${cross}.${which}`, sourceRows!), virtual);
        const [k, v] = [slotsOf('k'), slotsOf('v')];
        read.keys.push(k);
        read.values.push(v);
        const shape = [batch.batch, heads, batch.length, k.shape[0] / batch.batch];
        const mixed = ops.attention(toSlots(batch, q), k, v, { batch: batch.batch, heads, scale: 1 }, sourceBias, keep(shape, `${cross}.dropout`)); // prettier-ignore
        return linear(`${cross}.o`, toTokens(batch, mixed));
      });
      x = block(feedForward(x, `${name}.layer.2`), name);
    });
    const hidden = drop(norm('decoder.final_layer_norm', x), 'decoder.final_dropout');
    // Nearly all of a target's tokens predict one: they are selected at the end.
    const aimed = batch.outputRows ? selectWanted(batch.outputRows, hidden) : hidden;
    return { ...states, hidden: scaled ? aimed.mul(d ** -0.5) : aimed, ...(source && { source: read }) };
  }

  /** [B, H, 1, P]: the bias of the tokens in a cache, less that of the new token itself, which softmax lets be 0. */
  function pastBias(model: ModelTensors, past: Past, positions: Tensor): Tensor {
    const slots = past.keys[0]!.shape[2]!;
    const distances = Int32Array.from({ length: farthest + 1 }, (_, i) => -i);
    const index = relativeBuckets(distances, { both: false, buckets, farthest });
    const all = ops.gather(model.weight(table('decoder')), ops.tensor(index, [farthest + 1], 'int32'));
    const relative = all.sub(ops.slice(all, [0, 0], [1, heads]));
    const places = ops.tensor(Int32Array.from({ length: slots }, (_, i) => i), [1, slots], 'int32'); // prettier-ignore
    const away = ops.minimum(ops.maximum(positions.reshape([-1, 1]).sub(places), ops.scalar(0, 'int32')), ops.scalar(farthest, 'int32')); // prettier-ignore
    const rows = positions.shape[0];
    const each = ops.gather(relative, away.reshape([rows * slots]));
    return each.reshape([rows, slots, heads]).transpose([0, 2, 1]).reshape([rows, heads, 1, slots]).add(past.bias); // prettier-ignore
  }

  return {
    family: 't5',
    kind: 'encoder-decoder',
    sites,
    shapes,
    layers: layers.decoder,
    heads,
    kvHeads: heads,
    width: d,
    headWidth,
    vocabulary,
    // Positions are relative: there is no last one.
    positions: Infinity,
    embedding: 'shared.weight',
    head: ownHead ? ownHeadName : 'shared.weight',
    mayTie: true,
    startToken: config.decoder_start_token_id,
    transposed: true,
    // Hugging Face's T5PreTrainedModel.
    initial(name) {
      const factor = config.initializer_factor;
      if (name.endsWith('norm.weight')) return { kind: 'constant', value: factor };
      const fanIn = /^(shared|lm_head)\./.test(name) ? 1 : name.endsWith('.q.weight') ? d * headWidth : name.endsWith('.o.weight') ? width : name.endsWith('.wo.weight') ? inner : d; // prettier-ignore
      return { kind: 'normal', deviation: factor / Math.sqrt(fanIn) };
    },
    aliases: (name) =>
      name === 'shared.weight'
        ? ['encoder.embed_tokens.weight', 'decoder.embed_tokens.weight', ...(ownHead ? [] : [ownHeadName])]
        : [],
    // A bias that old checkpoints carry without a use.
    isBuffer: (name) => name.endsWith('EncDecAttention.relative_attention_bias.weight'),
    encode,
    decode,
  };
}

/** Cross attention of one token a sequence to cached keys and values, which B / G successive sequences share: [B, H·h] → [B, H·h]. */
function attendSource(query: Tensor, { keys, values, bias }: Past, layer: number, heads: number): Tensor {
  const [batch, width] = query.shape as [number, number];
  const groups = bias.shape[0];
  const parts = [groups, batch / groups, heads, width / heads];
  const q = query.reshape(parts).transpose([0, 2, 1, 3]);
  const p = ops.softmax(ops.matMul(q, keys[layer]!, false, true).add(bias));
  return ops.matMul(p, values[layer]!).transpose([0, 2, 1, 3]).reshape([batch, width]);
}
