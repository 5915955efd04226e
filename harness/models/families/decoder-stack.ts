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
  type AttendOptions,
  attentionPieces,
  blockAt,
  causalBias,
  dropoutAt,
  dropoutMaskAt,
  linearAt,
  prependVisible,
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

/** What comes before every sequence; nothing where there is a past, whose cache holds it already. */
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
    find: FindSite,
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

/** What attention gives in one layer: the mixed values [N + l, H·h] and the states that a cache keeps. */
interface Attended {
  readonly mixed: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
  readonly prefix: PrefixStates | undefined;
}

/** What queries see, the same in all layers. */
type Visible = Pick<AttendOptions, 'bias' | 'pieces'>;

/** Undefined where there is a past, which has a bias of its own. */
function visibleTokens(batch: DecoderBatch, { prefixLength, virtual }: AddedTokens): Visible | undefined {
  if (batch.past) return undefined;
  const { queriesAtOnce } = batch;
  const bias = prependVisible(batch.bias ?? causalBias(batch.length), prefixLength + virtual);
  return queriesAtOnce ? { bias, pieces: attentionPieces(bias, batch.batch, queriesAtOnce) } : { bias };
}

const siteKey = (layer: number, role: Site['role']): string => `${layer} ${role}`;

/** Finds a site of one block by its role. */
export type FindSite = (role: Site['role']) => Site;

/** The blocks of a decoder-only architecture, one after the other. */
export class DecoderStack {
  readonly #form: DecoderForm;
  readonly #sites: ReadonlyMap<string, Site>;

  constructor(form: DecoderForm) {
    this.#form = form;
    this.#sites = new Map(form.sites.map((site) => [siteKey(site.layer, site.role), site]));
  }

  /** The architecture's `decode`. */
  decode(allRows: ModelTensors, batch: DecoderBatch): DecoderStates {
    const form = this.#form;
    const { layers } = form;
    const { outputRows } = batch;
    const added = this.#addedTokens(allRows, batch);
    const visible = visibleTokens(batch, added);
    const states: Attended[] = [];
    const { x: embedded, rotation } = form.embed(allRows, this.#findIn(-1), batch, added);
    ops.boundary(embedded);
    let model = allRows;
    let x = embedded;
    for (let layer = 0; layer < layers; layer++) {
      const find = this.#findIn(layer);
      let normal = form.norm(model, find('attentionNorm'), x);
      const queryKeyValue = form.queryKeyValue(model, find, normal, rotation);
      const attended = this.#attend(model, layer, queryKeyValue, batch, visible, added);
      states.push(attended);
      let { mixed } = attended;
      if (outputRows && layer === layers - 1) {
        // After the last attention nothing reads the states of other tokens.
        model = allRows.only(outputRows);
        x = selectOutputRows(outputRows, x);
        normal = selectOutputRows(outputRows, normal);
        mixed = selectOutputRows(outputRows, mixed);
      }
      x = this.#addMlp(model, layer, this.#addAttention(model, layer, x, normal, mixed));
    }
    const { virtual } = added;
    const real = virtual > 0 && !outputRows ? ops.slice(x, [0, 0], [x.shape[0] - virtual, x.shape[1]!]) : x;
    return {
      hidden: form.norm(model, this.#findIn(layers)('finalNorm'), real),
      keys: states.map(({ key }) => key),
      values: states.map(({ value }) => value),
      prefixes: states.flatMap(({ prefix }) => prefix ?? []),
    };
  }

  #findIn(layer: number): FindSite {
    return (role) => this.#sites.get(siteKey(layer, role))!;
  }

  /** A beginning that is computed already, or what the method adds. */
  #addedTokens(model: ModelTensors, { past, beginning }: DecoderBatch): AddedTokens {
    // Positions count a beginning, so it is no prefix that they begin behind.
    if (beginning) return { prefixes: beginning, prefixLength: 0, prompt: undefined, virtual: 0 };
    const prefixes = Array.from({ length: this.#form.layers }, (_, layer) =>
      past ? undefined : model.edits.prefix?.(this.#findIn(layer)('attention')),
    );
    const prompt = past ? undefined : model.edits.prompt?.('decoder');
    const prefixLength = prefixes[0]?.key.shape[0] ?? 0;
    return { prefixes, prefixLength, prompt, virtual: prompt?.shape[0] ?? 0 };
  }

  /** Mixes the values of all tokens, of which the cache holds those of the past. */
  #attend(
    model: ModelTensors,
    layer: number,
    queryKeyValue: QueryKeyValue,
    batch: DecoderBatch,
    visible: Visible | undefined,
    { prefixes, virtual }: AddedTokens,
  ): Attended {
    const form = this.#form;
    const { heads, dropout } = form;
    const scale = 1 / Math.sqrt(form.headWidth);
    const { past } = batch;
    if (past) {
      const [query, key, value] = separate(queryKeyValue);
      const mixed = attendPast(query, key, value, { past, layer, heads, scale });
      return { mixed, key, value, prefix: undefined };
    }
    const { probabilities } = form.dropoutNames(this.#findIn(layer)('block').name);
    return attendTokens(batch, queryKeyValue, {
      heads,
      scale,
      ...visible!,
      virtual,
      prefix: prefixes[layer],
      keep: (shape, rows) => dropoutMaskAt(model, shape, dropout.probabilities, `${probabilities}${rows}`),
    });
  }

  /** x ← x + dropout(edit(W_o mixed)): [N, d]; `normal` is what the sublayer received. */
  #addAttention(model: ModelTensors, layer: number, x: Tensor, normal: Tensor, mixed: Tensor): Tensor {
    const form = this.#form;
    const find = this.#findIn(layer);
    const projected = linearAt(model, find('attentionOutput'), form.transposed, mixed);
    const edited = sublayerAt(model, find('attention'), projected, normal);
    const { attention } = form.dropoutNames(find('block').name);
    return x.add(dropoutAt(model, edited, form.dropout.residual, attention));
  }

  /** x ← x + dropout(edit(mlp(norm(x)))): [N, d], the block's output. */
  #addMlp(model: ModelTensors, layer: number, x: Tensor): Tensor {
    const form = this.#form;
    const find = this.#findIn(layer);
    const normal = form.norm(model, find('mlpNorm'), x);
    const edited = sublayerAt(model, find('mlp'), form.mlp(model, find, normal), normal);
    const names = form.dropoutNames(find('block').name);
    return blockAt(model, find('block'), x.add(dropoutAt(model, edited, form.dropout.residual, names.mlp)));
  }
}
