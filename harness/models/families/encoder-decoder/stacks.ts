/**
 * The forward passes of encoder-decoder families, put together from their parts: stacks of self-attention, in the
 * decoder cross attention to the encoder's states, and the feed-forward, with norms before the sublayers or behind
 * the residual.
 */
import * as ops from '../../../engine/ops.ts';
import type { Tensor } from '../../../engine/ops.ts';
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
} from '../../architecture.ts';
import type { Site } from '../../edits.ts';
import { activate, activateGate } from '../parts/activations.ts';
import {
  attendPast,
  attendTokens,
  blockAt,
  causalBias,
  dropoutAt,
  dropoutMaskAt,
  embeddingAt,
  embeddingRowsAt,
  encoderSlots,
  encoderTokens,
  linearAt,
  normAt,
  prependVisible,
  repeatRows,
  selectOutputRows,
  splitRows,
  sublayerAt,
  toSlots,
  toTokens,
} from '../parts/layers.ts';
import { cacheBias, relativeBias } from '../parts/relative-positions.ts';
import { blockName, type EncoderDecoderParts, type StackName, type SublayerNames } from './parts.ts';

/** The `encode` and the `decode` of a family; `find` gives its sites by their names. */
export function stacksOf(
  parts: EncoderDecoderParts,
  find: (name: string) => Site,
): Pick<EncoderDecoder, 'encode' | 'decode'> {
  return {
    encode: (model, batch) => encode(stepsOf(parts, find, model, 'encoder'), batch),
    decode: (model, batch) => decode(stepsOf(parts, find, model, 'decoder'), batch),
  };
}

/** The steps of a stack under one model's tensors, on activations [N, d]. */
interface Steps {
  readonly parts: EncoderDecoderParts;
  readonly stack: StackName;
  readonly model: ModelTensors;
  /** Heads, and the factor of the scores. */
  readonly shape: { readonly heads: number; readonly scale: number };
  find(name: string): Site;
  linear(name: string, x: Tensor): Tensor;
  norm(name: string, x: Tensor): Tensor;
  drop(x: Tensor, name: string): Tensor;
  /** The dropout mask of an attention's probabilities. */
  keep(shape: number[], name: string): Tensor | undefined;
  /** x ← x + dropout(edit(compute(x))) with the sublayer's norm before or behind. */
  sublayer(x: Tensor, block: string, names: SublayerNames, compute: (input: Tensor) => Tensor): Tensor;
  feedForward(x: Tensor, block: string): Tensor;
}

function stepsOf(
  parts: EncoderDecoderParts,
  find: (name: string) => Site,
  model: ModelTensors,
  stack: StackName,
): Steps {
  const { activation, dropout, order, scaled } = parts;
  const { heads, headWidth, mlp } = parts[stack];
  const linear: Steps['linear'] = (name, x) => linearAt(model, find(name), true, x);
  const norm: Steps['norm'] = (name, x) => normAt(model, find(name), parts.norm, x);
  const drop: Steps['drop'] = (x, name) => dropoutAt(model, x, dropout.residual, name);
  const sublayer: Steps['sublayer'] = (x, block, names, compute) => {
    const normed = (y: Tensor): Tensor => norm(`${block}.${names.norm}`, y);
    const input = order === 'pre' ? normed(x) : x;
    const edited = sublayerAt(model, find(`${block}.${names.name}`), compute(input), input);
    const sum = x.add(drop(edited, `${block}.${names.dropouts.residual}`));
    return order === 'pre' ? sum : normed(sum);
  };
  return {
    parts,
    stack,
    model,
    shape: { heads, scale: scaled ? 1 / Math.sqrt(headWidth) : 1 },
    find,
    linear,
    norm,
    drop,
    keep: (shape, name) => dropoutMaskAt(model, shape, dropout.probabilities, name),
    sublayer,
    feedForward: (x, block) =>
      sublayer(x, block, mlp, (input) => {
        const module = (role: 'mlpGate' | 'mlpUp' | 'mlpOutput'): string => `${block}.${mlp.modules[role]}`;
        const up = linear(module('mlpUp'), input);
        const active = mlp.modules.mlpGate
          ? activateGate(activation, linear(module('mlpGate'), input), up)
          : activate(activation, up);
        const inner = dropoutAt(model, active, dropout.inner, `${block}.${mlp.dropouts.inner}`);
        return linear(module('mlpOutput'), inner);
      }),
  };
}

/** What stands before the tokens: positions begin behind `prefixLength`, then come l virtual tokens [l, d]. */
interface Before {
  readonly prefixLength: number;
  readonly prompt?: Tensor | undefined;
}

/** The first block's input of the tokens [N, d], then of l virtual tokens for each sequence. */
function embed(
  { parts, stack, model, find, norm, drop }: Steps,
  batch: Pick<EncoderBatch, 'batch' | 'ids' | 'positions'>,
  { prefixLength, prompt }: Before,
): Tensor {
  const { place, embeddingScale } = parts;
  const { words, positions, embeddingNorm, dropouts } = parts[stack];
  const rows = embeddingAt(model, find(words), batch.ids);
  let tokens = embeddingScale === undefined ? rows : rows.mul(Math.fround(embeddingScale));
  let ofPrompt = prompt;
  if (place.kind === 'learned') {
    const virtual = prompt?.shape[0] ?? 0;
    const first = place.first + prefixLength;
    const at = batch.positions.add(ops.scalar(first + virtual, 'int32'));
    tokens = tokens.add(embeddingAt(model, find(positions), at));
    ofPrompt &&= ofPrompt.add(embeddingRowsAt(model, find(positions), first, virtual));
  }
  const virtualRows = ofPrompt && repeatRows(ofPrompt, batch.batch).reshape([-1, ofPrompt.shape[1]!]);
  const all = virtualRows ? ops.concat([tokens, virtualRows], 0) : tokens;
  const x = drop(embeddingNorm === undefined ? all : norm(embeddingNorm, all), dropouts.embedding);
  ops.boundary(x);
  return x;
}

/** The states after the last block, normalised where the stack has a final norm. */
function finish({ parts, stack, norm, drop }: Steps, x: Tensor): Tensor {
  const { finalNorm, dropouts } = parts[stack];
  const states = finalNorm === undefined ? x : norm(finalNorm, x);
  return dropouts.final === undefined ? states : drop(states, dropouts.final);
}

/** The relative positions of a stack: its table [buckets, H] and how distances share its rows. */
function relativeOf({ parts, stack, model }: Steps) {
  const { place } = parts;
  if (place.kind !== 'relative') return undefined;
  return { table: model.weight(`${parts[stack].positions}.weight`), buckets: place };
}

/** Hidden states [N, d] of the source, and [B·l, d] of a method's virtual tokens before each sequence. */
function encode(steps: Steps, batch: EncoderBatch): EncoderStates {
  const { parts, model, find, linear, sublayer, shape } = steps;
  const { encoder } = parts;
  const prompt = model.edits.prompt?.('encoder');
  const virtual = prompt?.shape[0] ?? 0;
  const slots = virtual + batch.length;
  const mask = prependVisible(batch.bias, virtual);
  const relative = relativeOf(steps);
  const bias = relative
    ? relativeBias(relative.table, relative.buckets, { both: true, queries: slots, keys: slots }).add(mask)
    : mask;
  const { modules, dropouts } = encoder.self;

  /** Self-attention of all slots: [N + B·l, d] → [N + B·l, d]. */
  const attend = (block: string, input: Tensor): Tensor => {
    const slotsOf = (role: 'query' | 'key' | 'value'): Tensor =>
      encoderSlots(batch, linear(`${block}.${modules[role]}`, input), virtual);
    const [query, key, value] = [slotsOf('query'), slotsOf('key'), slotsOf('value')];
    const keep = steps.keep([batch.batch, shape.heads, slots, slots], `${block}.${dropouts.inner}`);
    const mixed = ops.attention(query, key, value, { batch: batch.batch, ...shape }, bias, keep);
    return linear(`${block}.${modules.attentionOutput}`, encoderTokens(batch, mixed, virtual));
  };

  let x = embed(steps, batch, { prefixLength: 0, prompt });
  for (let layer = 0; layer < encoder.layers; layer++) {
    const block = blockName(encoder, layer);
    x = sublayer(x, block, encoder.self, (input) => attend(block, input));
    x = blockAt(model, find(block), steps.feedForward(x, block));
  }
  const [hidden, ofVirtual] = splitRows(finish(steps, x), batch.batch * virtual);
  return ofVirtual ? { hidden, virtual: ofVirtual } : { hidden };
}

/** Hidden states [N, d] or [R, d] of the target; the keys and values of its tokens and of the source. */
function decode(steps: Steps, batch: DecoderBatch): DecoderStates {
  const { parts, model, find, linear, sublayer } = steps;
  const { decoder } = parts;
  const { past, source } = batch;
  if (!source && !past?.source)
    throw new RangeError(`the decoder of ${parts.family} has nothing to read: its source is missing`);
  const self = selfAttention(steps, batch);
  const cross = past?.source
    ? cachedCrossAttention(steps, past.source)
    : crossAttention(steps, batch, source!);

  let x = embed(steps, batch, self);
  for (let layer = 0; layer < decoder.layers; layer++) {
    const block = blockName(decoder, layer);
    const at = (names: SublayerNames, role: 'query' | 'attentionOutput'): string =>
      `${block}.${names.modules[role]}`;
    x = sublayer(x, block, decoder.self, (input) =>
      linear(at(decoder.self, 'attentionOutput'), self.attend(layer, block, input)),
    );
    const names = decoder.cross!;
    x = sublayer(x, block, names, (input) =>
      linear(at(names, 'attentionOutput'), cross.attend(layer, block, linear(at(names, 'query'), input))),
    );
    x = blockAt(model, find(block), steps.feedForward(x, block));
  }
  const states = finish(steps, x);
  // Nearly all tokens of a target predict one, so that the output rows are selected only here.
  const hidden = batch.outputRows ? selectOutputRows(batch.outputRows, states) : states;
  return { ...self.states, hidden, ...(cross.states && { source: cross.states }) };
}

/** Self-attention of the decoder's layers, and the keys and values that they leave. */
interface SelfAttention {
  readonly states: Pick<DecoderStates, 'keys' | 'values' | 'prefixes'>;
  readonly prefixLength: number;
  /** Activations [N, d] → mixed values [N, H·h]. */
  attend(layer: number, block: string, input: Tensor): Tensor;
}

function selfAttention(steps: Steps, batch: DecoderBatch): SelfAttention {
  const { parts, model, find, linear, keep, shape } = steps;
  const { layers, self } = parts.decoder;
  const { past, length } = batch;
  const keys: Tensor[] = [];
  const values: Tensor[] = [];
  const prefixStates: PrefixStates[] = [];
  const states = { keys, values, prefixes: prefixStates };
  const relative = relativeOf(steps);
  const project = (block: string, input: Tensor): [Tensor, Tensor, Tensor] => [
    linear(`${block}.${self.modules.query}`, input),
    linear(`${block}.${self.modules.key}`, input),
    linear(`${block}.${self.modules.value}`, input),
  ];
  if (past) {
    // The cache holds a prefix already, and positions count it.
    const slots = past.keys[0]!.shape[2]!;
    const ofPlaces =
      relative && cacheBias(relative.table, relative.buckets, batch.positions, slots).add(past.bias);
    const cached = { ...past, bias: ofPlaces ?? past.bias };
    return {
      states,
      prefixLength: 0,
      attend(layer, block, input) {
        const [query, key, value] = project(block, input);
        keys.push(key);
        values.push(value);
        return attendPast(query, key, value, { past: cached, layer, ...shape });
      },
    };
  }

  const prefixes = Array.from({ length: layers }, (_, layer) =>
    model.edits.prefix?.(find(`${blockName(parts.decoder, layer)}.${self.name}`)),
  );
  const prefixLength = prefixes[0]?.key.shape[0] ?? 0;
  const causal = batch.bias ?? causalBias(length);
  const bias = relative
    ? withRelative(causal, relative, length, prefixLength)
    : prependVisible(causal, prefixLength);
  return {
    states,
    prefixLength,
    attend(layer, block, input) {
      const attended = attendTokens(batch, project(block, input), {
        ...shape,
        bias,
        virtual: 0,
        prefix: prefixes[layer],
        keep: (sizes, rows) => keep(sizes, `${block}.${self.dropouts.inner}${rows}`),
      });
      keys.push(attended.key);
      values.push(attended.value);
      if (attended.prefix) prefixStates.push(attended.prefix);
      return attended.mixed;
    },
  };
}

/** Adds relative positions of T queries to a causal bias, with those of the keys of a prefix before it. */
function withRelative(
  causal: Tensor,
  { table, buckets }: NonNullable<ReturnType<typeof relativeOf>>,
  length: number,
  prefixLength: number,
): Tensor {
  const own = relativeBias(table, buckets, { both: false, queries: length, keys: length }).add(causal);
  if (prefixLength === 0) return own;
  const ofPrefix = { both: false, queries: length, keys: prefixLength, shift: prefixLength };
  return ops.concat([relativeBias(table, buckets, ofPrefix), own], 3);
}

/**
 * Cross attention of the decoder's layers, and the source's keys and values where they were computed here.
 */
interface CrossAttention {
  readonly states?: Pick<Past, 'keys' | 'values'>;
  /** Queries [N, H·h] → mixed values [N, H·h]. */
  attend(layer: number, block: string, query: Tensor): Tensor;
}

/** Attends to an encoder's states. */
function crossAttention(
  { parts, linear, keep, shape }: Steps,
  batch: DecoderBatch,
  source: Source,
): CrossAttention {
  const { modules, dropouts } = parts.decoder.cross!;
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
    attend(_, block, query) {
      const slotsOf = (role: 'key' | 'value'): Tensor =>
        encoderSlots(layout, linear(`${block}.${modules[role]}`, rows), virtual);
      const [key, value] = [slotsOf('key'), slotsOf('value')];
      keys.push(key);
      values.push(value);
      const slots = toSlots(batch, query);
      const sizes = [sequences, shape.heads, batch.length, key.shape[0] / sequences];
      const mask = keep(sizes, `${block}.${dropouts.inner}`);
      return toTokens(batch, ops.attention(slots, key, value, { batch: sequences, ...shape }, bias, mask));
    },
  };
}

/**
 * Attends with one token a sequence, [B, H·h], to cached keys and values, which B / G successive sequences
 * share.
 */
function cachedCrossAttention({ shape }: Steps, { keys, values, bias }: Past): CrossAttention {
  const { heads, scale } = shape;
  return {
    attend(layer, _, query) {
      const [batch, width] = query.shape as [number, number];
      const groups = bias.shape[0];
      const parts = [groups, batch / groups, heads, width / heads];
      const byHead = query.reshape(parts).transpose([0, 2, 1, 3]);
      const q = scale === 1 ? byHead : byHead.mul(scale);
      const p = ops.softmax(ops.matMul(q, keys[layer]!, false, true).add(bias));
      return ops.matMul(p, values[layer]!).transpose([0, 2, 1, 3]).reshape([batch, width]);
    },
  };
}
