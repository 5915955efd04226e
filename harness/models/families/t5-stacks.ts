/**
 * The forward passes of T5's encoder and decoder. Both are stacks of pre-norm blocks, x ← x +
 * dropout(sublayer(norm(x))): self-attention, in the decoder cross attention to the encoder's states, and the
 * feed-forward. The first block of a stack holds the table of relative positions that all its blocks share.
 */
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type {
  DecoderBatch,
  DecoderStates,
  EncoderBatch,
  EncoderDecoder,
  EncoderStates,
  ModelTensors,
  Past,
  PrefixStates,
  Source,
} from '../architecture.ts';
import type { Site } from '../edits.ts';
import {
  attendPast,
  attendTokens,
  blockAt,
  causalBias,
  dropoutAt,
  dropoutMaskAt,
  embeddingAt,
  encoderSlots,
  encoderTokens,
  linearAt,
  prependVisible,
  repeatRows,
  rmsNormAt,
  selectOutputRows,
  splitRows,
  sublayerAt,
  toSlots,
  toTokens,
} from './parts/layers.ts';
import { cacheBias, relativeBias } from './parts/relative-positions.ts';

export type Stack = Site['stack'];

/** What the stacks depend on. */
export interface T5Form {
  readonly layers: Readonly<Record<Stack, number>>;
  readonly heads: number;
  readonly epsilon: number;
  readonly dropout: number;
  /** Whether the feed-forward is a gated GELU (1.1) or ReLU (1.0). */
  readonly gated: boolean;
  /** Factor of the states before the output, where they are scaled. */
  readonly outputScale: number | undefined;
  /** Rows of the tables of relative positions, and the distance from which on the last row serves. */
  readonly buckets: number;
  readonly farthest: number;
  find(name: string): Site;
}

/** The table of relative positions [buckets, H] of a stack. */
export const tableName = (stack: Stack): string =>
  `${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`;

/** The embedding of a stack, whose table both stacks share. */
export const wordsName = (stack: Stack): string => `${stack}.embed_tokens`;

/** The `encode` and the `decode` of a T5. */
export function t5Stacks(form: T5Form): Pick<EncoderDecoder, 'encode' | 'decode'> {
  return {
    encode: (model, batch) => encode(form, stepsOf(form, model), batch),
    decode: (model, batch) => decode(form, stepsOf(form, model), batch),
  };
}

/** The steps that both stacks take under one model's tensors, on activations [N, d]. */
interface Steps {
  readonly model: ModelTensors;
  linear(name: string, x: Tensor): Tensor;
  norm(name: string, x: Tensor): Tensor;
  drop(x: Tensor, name: string): Tensor;
  /** The dropout mask of an attention's probabilities. */
  keep(shape: number[], name: string): Tensor | undefined;
  /** x ← x + dropout(edit(compute(norm(x)))): `layer` holds the norm, `name` is the sublayer's module. */
  sublayer(x: Tensor, layer: string, name: string, compute: (normal: Tensor) => Tensor): Tensor;
  embed(stack: Stack, ids: Tensor): Tensor;
  feedForward(x: Tensor, layer: string): Tensor;
  block(x: Tensor, name: string): Tensor;
}

function stepsOf({ find, epsilon, dropout, gated }: T5Form, model: ModelTensors): Steps {
  const linear: Steps['linear'] = (name, x) => linearAt(model, find(name), true, x);
  const norm: Steps['norm'] = (name, x) => rmsNormAt(model, find(name), epsilon, x);
  const drop: Steps['drop'] = (x, name) => dropoutAt(model, x, dropout, name);
  const sublayer: Steps['sublayer'] = (x, layer, name, compute) => {
    const normal = norm(`${layer}.layer_norm`, x);
    return x.add(drop(sublayerAt(model, find(name), compute(normal), normal), `${layer}.dropout`));
  };
  return {
    model,
    linear,
    norm,
    drop,
    keep: (shape, name) => dropoutMaskAt(model, shape, dropout, name),
    sublayer,
    embed: (stack, ids) => embeddingAt(model, find(wordsName(stack)), ids),
    feedForward(x, layer) {
      const dense = `${layer}.DenseReluDense`;
      return sublayer(x, layer, dense, (normal) => {
        const up = linear(gated ? `${dense}.wi_1` : `${dense}.wi`, normal);
        const active = gated ? ops.geluTanh(linear(`${dense}.wi_0`, normal)).mul(up) : up.relu();
        return linear(`${dense}.wo`, drop(active, `${dense}.dropout`));
      });
    },
    block: (x, name) => blockAt(model, find(name), x),
  };
}

/** Hidden states [N, d] of the source, and [B·l, d] of a method's virtual tokens before each sequence. */
function encode(form: T5Form, steps: Steps, batch: EncoderBatch): EncoderStates {
  const { model, linear, norm, drop, sublayer } = steps;
  const { heads } = form;
  const prompt = model.edits.prompt?.('encoder');
  const virtual = prompt?.shape[0] ?? 0;
  const slots = virtual + batch.length;
  const mask = prependVisible(batch.bias, virtual);
  const bias = relativeBias(model.weight(tableName('encoder')), form, {
    both: true,
    queries: slots,
    keys: slots,
  }).add(mask);

  /** Self-attention of all slots: normalised rows [N + B·l, d] → [N + B·l, d]. */
  const attend = (name: string, normal: Tensor): Tensor => {
    const slotsOf = (part: 'q' | 'k' | 'v'): Tensor =>
      encoderSlots(batch, linear(`${name}.${part}`, normal), virtual);
    const [query, key, value] = [slotsOf('q'), slotsOf('k'), slotsOf('v')];
    const shape = { batch: batch.batch, heads, scale: 1 };
    const keep = steps.keep([batch.batch, heads, slots, slots], `${name}.dropout`);
    const mixed = ops.attention(query, key, value, shape, bias, keep);
    return linear(`${name}.o`, encoderTokens(batch, mixed, virtual));
  };

  const words = steps.embed('encoder', batch.ids);
  const virtualRows = prompt && repeatRows(prompt, batch.batch).reshape([-1, prompt.shape[1]!]);
  let x = drop(virtualRows ? ops.concat([words, virtualRows], 0) : words, 'encoder.dropout');
  ops.boundary(x);
  for (let layer = 0; layer < form.layers.encoder; layer++) {
    const block = `encoder.block.${layer}`;
    const attention = `${block}.layer.0.SelfAttention`;
    x = sublayer(x, `${block}.layer.0`, attention, (normal) => attend(attention, normal));
    x = steps.block(steps.feedForward(x, `${block}.layer.1`), block);
  }
  const states = drop(norm('encoder.final_layer_norm', x), 'encoder.final_dropout');
  const [hidden, ofVirtual] = splitRows(states, batch.batch * virtual);
  return ofVirtual ? { hidden, virtual: ofVirtual } : { hidden };
}

/** Hidden states [N, d] or [R, d] of the target; the keys and values of its tokens and of the source. */
function decode(form: T5Form, steps: Steps, batch: DecoderBatch): DecoderStates {
  const { linear, norm, drop, sublayer } = steps;
  const { past, source } = batch;
  if (!source && !past?.source)
    throw new RangeError("T5's decoder has nothing to read: its source is missing");
  const blocks = Array.from({ length: form.layers.decoder }, (_, layer) => `decoder.block.${layer}`);
  const self = selfAttention(form, steps, batch, blocks);
  const cross = past?.source
    ? cachedCrossAttention(form, past.source)
    : crossAttention(form, steps, batch, source!);

  let x = drop(steps.embed('decoder', batch.ids), 'decoder.dropout');
  ops.boundary(x);
  blocks.forEach((block, layer) => {
    const selfName = `${block}.layer.0.SelfAttention`;
    x = sublayer(x, `${block}.layer.0`, selfName, (normal) =>
      linear(`${selfName}.o`, self.attend(layer, selfName, normal)),
    );
    const crossName = `${block}.layer.1.EncDecAttention`;
    x = sublayer(x, `${block}.layer.1`, crossName, (normal) =>
      linear(`${crossName}.o`, cross.attend(layer, crossName, linear(`${crossName}.q`, normal))),
    );
    x = steps.block(steps.feedForward(x, `${block}.layer.2`), block);
  });
  const states = drop(norm('decoder.final_layer_norm', x), 'decoder.final_dropout');
  // Nearly all tokens of a target predict one, so that the output rows are selected only here.
  const selected = batch.outputRows ? selectOutputRows(batch.outputRows, states) : states;
  const hidden = form.outputScale === undefined ? selected : selected.mul(form.outputScale);
  return { ...self.states, hidden, ...(cross.states && { source: cross.states }) };
}

/** Self-attention of the decoder's layers, and the keys and values that they leave. */
interface SelfAttention {
  readonly states: Pick<DecoderStates, 'keys' | 'values' | 'prefixes'>;
  /** Normalised activations [N, d] → mixed values [N, H·h]. */
  attend(layer: number, name: string, normal: Tensor): Tensor;
}

function selfAttention(
  form: T5Form,
  { model, linear, keep }: Steps,
  batch: DecoderBatch,
  blocks: readonly string[],
): SelfAttention {
  const { heads, find } = form;
  const { past, length } = batch;
  const keys: Tensor[] = [];
  const values: Tensor[] = [];
  const prefixStates: PrefixStates[] = [];
  const states = { keys, values, prefixes: prefixStates };
  const table = model.weight(tableName('decoder'));
  const project = (name: string, normal: Tensor): [Tensor, Tensor, Tensor] => [
    linear(`${name}.q`, normal),
    linear(`${name}.k`, normal),
    linear(`${name}.v`, normal),
  ];
  if (past) {
    // The cache holds a prefix already, and positions count it.
    const slots = past.keys[0]!.shape[2]!;
    const cached = { ...past, bias: cacheBias(table, form, batch.positions, slots).add(past.bias) };
    return {
      states,
      attend(layer, name, normal) {
        const [query, key, value] = project(name, normal);
        keys.push(key);
        values.push(value);
        return attendPast(query, key, value, { past: cached, layer, heads, scale: 1 });
      },
    };
  }

  const prefixes = blocks.map((block) => model.edits.prefix?.(find(`${block}.layer.0.SelfAttention`)));
  const prefixLength = prefixes[0]?.key.shape[0] ?? 0;
  const own = relativeBias(table, form, { both: false, queries: length, keys: length });
  const bias = own.add(batch.bias ?? causalBias(length));
  const ofPrefix = { both: false, queries: length, keys: prefixLength, shift: prefixLength };
  const whole = prefixLength > 0 ? ops.concat([relativeBias(table, form, ofPrefix), bias], 3) : bias;
  return {
    states,
    attend(layer, name, normal) {
      const attended = attendTokens(batch, project(name, normal), {
        heads,
        scale: 1,
        bias: whole,
        virtual: 0,
        prefix: prefixes[layer],
        keep: (shape, rows) => keep(shape, `${name}.dropout${rows}`),
      });
      keys.push(attended.key);
      values.push(attended.value);
      if (attended.prefix) prefixStates.push(attended.prefix);
      return attended.mixed;
    },
  };
}

/**
 * Cross attention of the decoder's layers, and the source's keys and values where they were computed here.
 */
interface CrossAttention {
  readonly states?: Pick<Past, 'keys' | 'values'>;
  /** Queries [N, H·h] → mixed values [N, H·h]. */
  attend(layer: number, name: string, query: Tensor): Tensor;
}

/** Attends to an encoder's states. */
function crossAttention(
  { heads }: T5Form,
  { linear, keep }: Steps,
  batch: DecoderBatch,
  source: Source,
): CrossAttention {
  const sequences = batch.batch;
  const { hidden, virtual: virtualRows } = source.states;
  const virtual = virtualRows ? virtualRows.shape[0] / sequences : 0;
  const rows = virtualRows ? ops.concat([hidden, virtualRows], 0) : hidden;
  const bias = prependVisible(source.bias, virtual);
  const layout = { ...source, batch: sequences };
  const keys: Tensor[] = [];
  const values: Tensor[] = [];
  return {
    states: { keys, values },
    attend(_, name, query) {
      const slotsOf = (part: 'k' | 'v'): Tensor =>
        encoderSlots(layout, linear(`${name}.${part}`, rows), virtual);
      const [key, value] = [slotsOf('k'), slotsOf('v')];
      keys.push(key);
      values.push(value);
      const shape = { batch: sequences, heads, scale: 1 };
      const slots = toSlots(batch, query);
      const mask = keep([sequences, heads, batch.length, key.shape[0] / sequences], `${name}.dropout`);
      return toTokens(batch, ops.attention(slots, key, value, shape, bias, mask));
    },
  };
}

/**
 * Attends with one token a sequence, [B, H·h], to cached keys and values, which B / G successive sequences
 * share.
 */
function cachedCrossAttention({ heads }: T5Form, { keys, values, bias }: Past): CrossAttention {
  return {
    attend(layer, _, query) {
      const [batch, width] = query.shape as [number, number];
      const groups = bias.shape[0];
      const parts = [groups, batch / groups, heads, width / heads];
      const q = query.reshape(parts).transpose([0, 2, 1, 3]);
      const p = ops.softmax(ops.matMul(q, keys[layer]!, false, true).add(bias));
      return ops.matMul(p, values[layer]!).transpose([0, 2, 1, 3]).reshape([batch, width]);
    },
  };
}
