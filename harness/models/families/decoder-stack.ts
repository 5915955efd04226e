/**
 * The forward pass that decoder-only families share: pre-norm blocks, each x ← x + attention(norm(x)) and x ←
 * x + mlp(norm(x)), and a norm at the end. A family (gpt2.ts, llama.ts) gives what differs: how tokens are
 * embedded, how queries, keys and values are computed, the MLP, the kind of norm, and dropout.
 */
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type { DecoderBatch, DecoderStates, ModelTensors, PrefixStates } from '../architecture.ts';
import type { Site } from '../edits.ts';
import {
  attendPast,
  attendTokens,
  blockAt,
  causalBias,
  dropoutAt,
  dropoutMaskAt,
  linearAt,
  type QueryKeyValue,
  selectOutputRows,
  separate,
  sublayerAt,
} from './layers.ts';

/** Cosines and sines of rotary position embeddings, [N + l, h / 2] each. */
export interface Rotation {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/** What a method puts before every sequence; nothing where there is a past, whose cache holds it already. */
export interface AddedTokens {
  /** Keys and values, one for each layer. */
  readonly prefixes: readonly (PrefixStates | undefined)[];
  readonly prefixLength: number;
  /** Embeddings of virtual tokens [l, d]. */
  readonly prompt: Tensor | undefined;
  /** l */
  readonly virtual: number;
}

/** Names of a block's dropout masks, which select their random streams. */
interface DropoutNames {
  readonly probabilities: string;
  readonly attention: string;
  readonly mlp: string;
}

/** What a decoder-only family gives to the stack. Sites are found by role and layer. */
export interface DecoderForm {
  readonly sites: readonly Site[];
  readonly layers: number;
  readonly heads: number;
  /** h */
  readonly headWidth: number;
  /** Whether linear weights are stored [out, in]. */
  readonly transposed: boolean;
  /** Dropout rates of the attention's probabilities and of what a sublayer adds to the residual stream. */
  readonly dropout: { readonly probabilities: number; readonly residual: number };
  dropoutNames(block: string): DropoutNames;
  /** Embeds a batch's tokens and then the virtual ones, [N + l, d]. */
  embed(
    model: ModelTensors,
    batch: DecoderBatch,
    added: AddedTokens,
  ): { readonly x: Tensor; readonly rotation?: Rotation };
  /** A norm and what a method does to it, [N, d]. */
  norm(model: ModelTensors, site: Site, x: Tensor): Tensor;
  /** Query, key and value [N + l, ·] of normalised activations [N + l, d]. */
  queryKeyValue(model: ModelTensors, find: FindSite, x: Tensor, rotation?: Rotation): QueryKeyValue;
  /** The output of the MLP's last linear, [N, d], of normalised activations [N, d]. */
  mlp(model: ModelTensors, find: FindSite, x: Tensor): Tensor;
}

/** Finds a site of one block by its role. */
export type FindSite = (role: Site['role']) => Site;

/** The `decode` of a decoder-only architecture. */
export function decoderStack(form: DecoderForm): (model: ModelTensors, batch: DecoderBatch) => DecoderStates {
  const { layers, heads, headWidth, transposed, dropout } = form;
  const scale = 1 / Math.sqrt(headWidth);
  const keyOf = (layer: number, role: Site['role']): string => `${layer} ${role}`;
  const byRole = new Map(form.sites.map((site) => [keyOf(site.layer, site.role), site]));
  const findIn =
    (layer: number): FindSite =>
    (role) =>
      byRole.get(keyOf(layer, role))!;

  /** What the method adds before every sequence. */
  function addedTokens(model: ModelTensors, { past }: DecoderBatch): AddedTokens {
    const prefixes = Array.from({ length: layers }, (_, layer) =>
      past ? undefined : model.edits.prefix?.(findIn(layer)('attention')),
    );
    const prompt = past ? undefined : model.edits.prompt?.('decoder');
    const prefixLength = prefixes[0]?.key.shape[0] ?? 0;
    return { prefixes, prefixLength, prompt, virtual: prompt?.shape[0] ?? 0 };
  }

  /** x ← x + dropout(edit(W_o mixed)): [N, d]; `normal` is what the sublayer received. */
  function addAttention(
    model: ModelTensors,
    layer: number,
    x: Tensor,
    normal: Tensor,
    mixed: Tensor,
  ): Tensor {
    const find = findIn(layer);
    const projected = linearAt(model, find('attentionOutput'), transposed, mixed);
    const edited = sublayerAt(model, find('attention'), projected, normal);
    const { attention } = form.dropoutNames(find('block').name);
    return x.add(dropoutAt(model, edited, dropout.residual, attention));
  }

  /** x ← x + dropout(edit(mlp(norm(x)))): [N, d], the block's output. */
  function addMlp(model: ModelTensors, layer: number, x: Tensor): Tensor {
    const find = findIn(layer);
    const normal = form.norm(model, find('mlpNorm'), x);
    const edited = sublayerAt(model, find('mlp'), form.mlp(model, find, normal), normal);
    const { mlp } = form.dropoutNames(find('block').name);
    return blockAt(model, find('block'), x.add(dropoutAt(model, edited, dropout.residual, mlp)));
  }

  return function decode(allRows, batch) {
    const { past, outputRows } = batch;
    const bias = past ? undefined : (batch.bias ?? causalBias(batch.length));
    const added = addedTokens(allRows, batch);
    const { virtual } = added;
    const keys: Tensor[] = [];
    const values: Tensor[] = [];
    const prefixes: PrefixStates[] = [];

    /** Mixes the values of all tokens, [N + l, H·h], and keeps the layer's keys and values. */
    const attend = (layer: number, states: QueryKeyValue): Tensor => {
      if (past) {
        const [query, key, value] = separate(states);
        keys.push(key);
        values.push(value);
        return attendPast(query, key, value, { past, layer, heads, scale });
      }
      const { probabilities } = form.dropoutNames(findIn(layer)('block').name);
      const attended = attendTokens(batch, states, {
        heads,
        scale,
        bias: bias!,
        virtual,
        prefix: added.prefixes[layer],
        keep: (shape, rows) =>
          dropoutMaskAt(allRows, shape, dropout.probabilities, `${probabilities}${rows}`),
      });
      keys.push(attended.key);
      values.push(attended.value);
      if (attended.prefix) prefixes.push(attended.prefix);
      return attended.mixed;
    };

    let model = allRows;
    const embedded = form.embed(model, batch, added);
    let { x } = embedded;
    ops.boundary(x);
    for (let layer = 0; layer < layers; layer++) {
      const find = findIn(layer);
      let normal = form.norm(model, find('attentionNorm'), x);
      let mixed = attend(layer, form.queryKeyValue(model, find, normal, embedded.rotation));
      if (outputRows && layer === layers - 1) {
        // After the last attention nothing reads the states of other tokens.
        model = allRows.only(outputRows);
        x = selectOutputRows(outputRows, x);
        normal = selectOutputRows(outputRows, normal);
        mixed = selectOutputRows(outputRows, mixed);
      }
      x = addMlp(model, layer, addAttention(model, layer, x, normal, mixed));
    }
    const real = virtual > 0 && !outputRows ? ops.slice(x, [0, 0], [x.shape[0] - virtual, x.shape[1]!]) : x;
    const hidden = form.norm(model, findIn(layers)('finalNorm'), real);
    return { hidden, keys, values, prefixes };
  };
}
