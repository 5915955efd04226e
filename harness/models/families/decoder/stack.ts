/**
 * The forward pass of decoder-only families, put together from their parts: blocks of attention and MLP, each
 * with norms before it, behind it or both, one after the other or side by side, and a norm at the end.
 */
import * as ops from '../../../engine/ops.ts';
import type { Tensor } from '../../../engine/ops.ts';
import type { DecoderBatch, DecoderStates, ModelTensors, PrefixStates } from '../../architecture.ts';
import type { Site } from '../../edits.ts';
import { activate, activateGate } from '../parts/activations.ts';
import {
  attendPast,
  attendTokens,
  blockAt,
  dropoutAt,
  dropoutMaskAt,
  embeddingAt,
  embeddingRowsAt,
  linearAt,
  normAt,
  type QueryKeyValue,
  selectOutputRows,
  separate,
  sublayerAt,
} from '../parts/layers.ts';
import { rotateHeads, type Rotation, rotationAt, type RopeTable } from '../parts/rotary.ts';
import type { DecoderParts } from './parts.ts';
import { pastIn, visibleIn, type Visible } from './windows.ts';

/** What comes before every sequence; nothing where there is a past, whose cache holds it already. */
interface AddedTokens {
  /** Keys and values, one for each layer. */
  readonly prefixes: readonly (PrefixStates | undefined)[];
  readonly prefixLength: number;
  /** Embeddings of virtual tokens [l, d]. */
  readonly prompt: Tensor | undefined;
  /** l */
  readonly virtual: number;
}

/** What the layers of one forward pass have in common. */
interface Pass {
  readonly batch: DecoderBatch;
  readonly added: AddedTokens;
  /** What a layer of a window sees; undefined where there is a past. */
  readonly visible: ((window: number | undefined) => Visible) | undefined;
  readonly past: ReturnType<typeof pastIn> | undefined;
  readonly rotations: ReadonlyMap<RopeTable, Rotation>;
}

/** What attention gives in one layer: the mixed values [N + l, H·h] and the states that a cache keeps. */
interface Attended {
  readonly mixed: Tensor;
  readonly key: Tensor;
  readonly value: Tensor;
  readonly prefix: PrefixStates | undefined;
}

/** One block under a model's tensors. */
interface Block {
  readonly model: ModelTensors;
  readonly layer: number;
  /** Finds a module of the block by its role; undefined where the family has none. */
  find(role: Site['role']): Site | undefined;
}

const siteKey = (layer: number, role: Site['role']): string => `${layer} ${role}`;

/** The blocks of a decoder-only architecture, one after the other. */
export class DecoderStack {
  readonly #parts: DecoderParts;
  readonly #sites: ReadonlyMap<string, Site>;

  constructor(parts: DecoderParts, sites: readonly Site[]) {
    this.#parts = parts;
    this.#sites = new Map(sites.map((site) => [siteKey(site.layer, site.role), site]));
  }

  /** The architecture's `decode`. */
  decode(allRows: ModelTensors, batch: DecoderBatch): DecoderStates {
    const { layers } = this.#parts;
    const { outputRows } = batch;
    const pass = this.#begin(allRows, batch);
    const states: Attended[] = [];
    let x = this.#embed(allRows, pass);
    ops.boundary(x);
    for (let layer = 0; layer < layers; layer++) {
      const block = this.#block(allRows, layer);
      const normal = this.#norm(block, 'attentionNorm', x);
      const attended = this.#attend(block, normal, pass);
      states.push(attended);
      const { mixed } = attended;
      if (outputRows && layer === layers - 1) {
        // After the last attention nothing reads the states of other tokens.
        const select = (y: Tensor): Tensor => selectOutputRows(outputRows, y);
        const last = this.#block(allRows.only(outputRows), layer);
        x = this.#finish(last, select(x), select(normal), select(mixed));
      } else x = this.#finish(block, x, normal, mixed);
    }
    const { virtual } = pass.added;
    const real = virtual > 0 && !outputRows ? ops.slice(x, [0, 0], [x.shape[0] - virtual, x.shape[1]!]) : x;
    const model = outputRows ? allRows.only(outputRows) : allRows;
    return {
      hidden: this.#norm(this.#block(model, layers), 'finalNorm', real),
      keys: states.map(({ key }) => key),
      values: states.map(({ value }) => value),
      prefixes: states.flatMap(({ prefix }) => prefix ?? []),
    };
  }

  #find(layer: number, role: Site['role']): Site | undefined {
    return this.#sites.get(siteKey(layer, role));
  }

  #block(model: ModelTensors, layer: number): Block {
    return { model, layer, find: (role) => this.#find(layer, role) };
  }

  #begin(model: ModelTensors, batch: DecoderBatch): Pass {
    const { place, attention } = this.#parts;
    const added = this.#addedTokens(model, batch);
    const visible = batch.past ? undefined : visibleIn(batch, added);
    // What several blocks read must stand before the first one, since a step may compute blocks a second time.
    for (const window of new Set(attention.windows ?? [undefined])) visible?.(window);
    const past = batch.past && pastIn(batch.past, batch.positions);
    const tables = place.kind === 'rotary' ? place.tables.filter((table) => table !== undefined) : [];
    const rotations = new Map(
      [...new Set(tables)].map((table) => [table, rotationAt(batch.positions, added, table)]),
    );
    return { batch, added, visible, past, rotations };
  }

  /** A beginning that is computed already, or what the method adds. */
  #addedTokens(model: ModelTensors, { past, beginning }: DecoderBatch): AddedTokens {
    // Positions count a beginning, so it is no prefix that they begin behind.
    if (beginning) return { prefixes: beginning, prefixLength: 0, prompt: undefined, virtual: 0 };
    const prefixes = Array.from({ length: this.#parts.layers }, (_, layer) =>
      past ? undefined : model.edits.prefix?.(this.#find(layer, 'attention')!),
    );
    const prompt = past ? undefined : model.edits.prompt?.('decoder');
    const prefixLength = prefixes[0]?.key.shape[0] ?? 0;
    return { prefixes, prefixLength, prompt, virtual: prompt?.shape[0] ?? 0 };
  }

  /** Embeds a batch's tokens and then the virtual ones, [N + l, d]. */
  #embed(model: ModelTensors, { batch, added }: Pass): Tensor {
    const { names, place, embeddingScale, dropout } = this.#parts;
    const { prompt, virtual, prefixLength } = added;
    const rows = embeddingAt(model, this.#find(-1, 'wordEmbedding')!, batch.ids);
    const words = embeddingScale === undefined ? rows : rows.mul(Math.fround(embeddingScale));
    const join = (tokens: Tensor, ofPrompt: Tensor | undefined): Tensor =>
      dropoutAt(
        model,
        ofPrompt ? ops.concat([tokens, ofPrompt], 0) : tokens,
        dropout.embedding,
        `${names.root}drop`,
      );
    if (place.kind === 'rotary') return join(words, prompt);
    const table = this.#find(-1, 'positionEmbedding')!;
    const first = place.first + prefixLength;
    const shift = first + virtual;
    const at = shift > 0 ? batch.positions.add(ops.scalar(shift, 'int32')) : batch.positions;
    const tokens = words.add(embeddingAt(model, table, at));
    return join(tokens, prompt?.add(embeddingRowsAt(model, table, first, virtual)));
  }

  /** The norm of a role, [N, d], where the block has one; otherwise its input. */
  #norm({ model, find }: Block, role: Site['role'], x: Tensor): Tensor {
    const site = find(role);
    return site ? normAt(model, site, this.#parts.norm, x) : x;
  }

  /** Mixes the values of all tokens, of which the cache holds those of the past; `normal` is [N + l, d]. */
  #attend(block: Block, normal: Tensor, { batch, added, visible, past, rotations }: Pass): Attended {
    const { heads, headWidth, dropout, attention, names, place } = this.#parts;
    const { model, layer, find } = block;
    const table = place.kind === 'rotary' ? place.tables[layer] : undefined;
    const queryKeyValue = this.#queryKeyValue(block, normal, table && rotations.get(table));
    const window = attention.windows?.[layer];
    const shape = { heads, scale: attention.scale ?? 1 / Math.sqrt(headWidth), softCap: attention.softCap };
    if (past) {
      const [query, key, value] = separate(queryKeyValue);
      const mixed = attendPast(query, key, value, { past: past(window), layer, ...shape });
      return { mixed, key, value, prefix: undefined };
    }
    const module = names.probabilities ?? `${names.attention}.dropout`;
    const mask = `${find('block')!.name}.${module}`;
    return attendTokens(batch, queryKeyValue, {
      ...shape,
      ...visible!(window),
      virtual: added.virtual,
      prefix: added.prefixes[layer],
      keep: (sizes, rows) => dropoutMaskAt(model, sizes, dropout.probabilities, `${mask}${rows}`),
    });
  }

  /**
   * Query, key and value [N + l, ·] of normalised activations [N + l, d]. The keys of a method's prefix are not
   * rotated, as in peft.
   */
  #queryKeyValue(block: Block, x: Tensor, rotation: Rotation | undefined): QueryKeyValue {
    const { transposed, headWidth } = this.#parts;
    const { model, find } = block;
    const turn = (y: Tensor): Tensor => (rotation ? rotateHeads(y, rotation, headWidth) : y);
    const fused = find('queryKeyValue');
    if (fused) {
      const all = linearAt(model, fused, transposed, x);
      if (!rotation && !this.#parts.attention.interleaved) return [all];
      const [query, key, value] = this.#split(all);
      return [turn(query), turn(key), value];
    }
    const normed = (role: 'query' | 'key'): Tensor =>
      this.#normHeads(block, `${role}Norm`, linearAt(model, find(role)!, transposed, x));
    return [turn(normed('query')), turn(normed('key')), linearAt(model, find('value')!, transposed, x)];
  }

  /** Separates what a fused module gives, [N, (H + 2 G)·h]. */
  #split(all: Tensor): [Tensor, Tensor, Tensor] {
    const { heads, kvHeads, headWidth, attention } = this.#parts;
    const [queries, keys] = [heads * headWidth, kvHeads * headWidth];
    if (!attention.interleaved) return ops.split(all, [queries, keys, keys], 1) as [Tensor, Tensor, Tensor];
    const parts = ops.split(all.reshape([-1, heads, 3, headWidth]), 3, 2);
    return parts.map((part) => part.reshape([-1, queries])) as [Tensor, Tensor, Tensor];
  }

  /** The norm of queries or keys, in their whole width or head by head. */
  #normHeads(block: Block, role: 'queryNorm' | 'keyNorm', x: Tensor): Tensor {
    const { attention, headWidth } = this.#parts;
    if (attention.normed !== 'head') return this.#norm(block, role, x);
    const [rows, width] = x.shape as [number, number];
    return this.#norm(block, role, x.reshape([rows, -1, headWidth])).reshape([rows, width]);
  }

  /**
   * A block from the mixed values on: x ← x + attention, x ← x + mlp, or both added to the same x where they
   * are parallel. `normal` is what attention received.
   */
  #finish(block: Block, x: Tensor, normal: Tensor, mixed: Tensor): Tensor {
    const { transposed, names, parallel } = this.#parts;
    const { model, find } = block;
    const projected = linearAt(model, find('attentionOutput')!, transposed, mixed);
    const attended = this.#sublayer(
      block,
      'attention',
      projected,
      normal,
      `${names.attention}.resid_dropout`,
    );
    const middle = parallel ? x : x.add(attended);
    const input = this.#norm(block, 'mlpNorm', middle);
    const added = this.#sublayer(block, 'mlp', this.#mlp(block, input), input, `${names.mlp}.dropout`);
    return blockAt(model, find('block')!, parallel ? added.add(attended).add(x) : middle.add(added));
  }

  /** What a sublayer's output y [N, d] adds to the residual stream; x [N, d] is its input. */
  #sublayer(block: Block, role: 'attention' | 'mlp', y: Tensor, x: Tensor, dropout: string): Tensor {
    const { model, find } = block;
    const edited = sublayerAt(model, find(role)!, y, x);
    const normal = this.#norm(block, `${role}OutputNorm`, edited);
    return dropoutAt(model, normal, this.#parts.dropout.residual, `${find('block')!.name}.${dropout}`);
  }

  /** The output of the MLP's last linear, [N, d], of its input [N, d]. */
  #mlp({ model, find }: Block, x: Tensor): Tensor {
    const { transposed, activation } = this.#parts;
    const linear = (site: Site, input: Tensor): Tensor => linearAt(model, site, transposed, input);
    const inner = (): Tensor => {
      const [gate, both] = [find('mlpGate'), find('mlpGateUp')];
      if (both) {
        const [a, b] = ops.split(linear(both, x), 2, 1) as [Tensor, Tensor];
        return activateGate(activation, a, b);
      }
      if (!gate) return activate(activation, linear(find('mlpUp')!, x));
      return activateGate(activation, linear(gate, x), linear(find('mlpUp')!, x));
    };
    return linear(find('mlpOutput')!, inner());
  }
}
