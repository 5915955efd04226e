/**
 * The forward pass of encoders, put together from their parts: embeddings, blocks of attention and MLP with norms
 * behind the residual or before the sublayers, and perhaps a norm at the end.
 */
import * as ops from '../../../engine/ops.ts';
import type { Tensor } from '../../../engine/ops.ts';
import type { EncoderBatch, EncoderStates, ModelTensors, PrefixStates } from '../../architecture.ts';
import type { Site } from '../../edits.ts';
import { activate, activateGate } from '../parts/activations.ts';
import {
  blockAt,
  dropoutAt,
  dropoutMaskAt,
  embeddingAt,
  embeddingRowsAt,
  encoderSlots,
  encoderTokens,
  layerNormAt,
  linearAt,
  prependRows,
  prependVisible,
  repeatRows,
  selectOutputRows,
  separate,
  splitRows,
  sublayerAt,
} from '../parts/layers.ts';
import { rotateHeads, type Rotation, rotationAt, type RopeTable } from '../parts/rotary.ts';
import { positionScores } from './disentangled.ts';
import { type EncoderParts, inBlock } from './parts.ts';
import { reachBias } from './reach.ts';

/** What a method adds before every sequence. */
interface AddedTokens {
  /** Keys and values, by block. */
  readonly prefixes: ReadonlyMap<string, PrefixStates>;
  readonly prefixLength: number;
  /** Virtual tokens [l, ·]. */
  readonly prompt: Tensor | undefined;
  /** l */
  readonly virtual: number;
}

/** What the layers of one forward pass have in common. */
interface Pass {
  readonly batch: EncoderBatch;
  readonly added: AddedTokens;
  /** The bias of the scores for each layer. */
  bias(layer: number): Tensor;
  readonly rotations: ReadonlyMap<RopeTable, Rotation>;
  /** The normalised table of relative positions [2 · span, d]. */
  readonly relative: Tensor | undefined;
}

/** One block under a model's tensors. */
interface Block {
  readonly model: ModelTensors;
  readonly name: string;
  /** The place among the blocks that compute. */
  readonly layer: number;
  /** Finds a module of the block by its role; undefined where the family has none. */
  find(role: Site['role']): Site | undefined;
}

/** The blocks of an encoder, one after the other. */
export class EncoderStack {
  readonly #parts: EncoderParts;
  readonly #byName: ReadonlyMap<string, Site>;
  readonly #byRole: ReadonlyMap<string, Site>;

  constructor(parts: EncoderParts, sites: readonly Site[]) {
    this.#parts = parts;
    this.#byName = new Map(sites.map((site) => [site.name, site]));
    this.#byRole = new Map(sites.map((site) => [`${site.layer} ${site.role}`, site]));
  }

  /** The architecture's `encode`: the states of all rows, or of the output rows alone. */
  encode(allRows: ModelTensors, batch: EncoderBatch): EncoderStates {
    const { blocks, order } = this.#parts;
    const { outputRows } = batch;
    const pass = this.#begin(allRows, batch);
    const { virtual } = pass.added;
    let model = allRows;
    let x = this.#embed(model, pass);
    ops.boundary(x);
    for (const [layer, name] of blocks.entries()) {
      const all = this.#block(model, name, layer);
      let input = this.#normBefore(all, 'attentionNorm', x);
      let mixed = encoderTokens(batch, this.#attend(all, pass, input), virtual);
      if (outputRows && layer === blocks.length - 1) {
        // After the last attention nothing reads the states of other tokens.
        const isSame = input === x;
        model = allRows.only(outputRows);
        x = selectOutputRows(outputRows, x);
        input = isSame ? x : selectOutputRows(outputRows, input);
        mixed = selectOutputRows(outputRows, mixed);
      }
      const block = this.#block(model, name, layer);
      x = this.#addMlp(block, this.#addAttention(block, x, input, mixed));
    }
    if (order !== 'post') x = this.#norm(model, this.#byName.get(order.finalNorm)!, x);
    if (outputRows) return { hidden: x };
    const [hidden, ofVirtual] = splitRows(x, batch.batch * virtual);
    return ofVirtual ? { hidden, virtual: ofVirtual } : { hidden };
  }

  #block(model: ModelTensors, name: string, layer: number): Block {
    const site = this.#byName.get(name)!;
    return { model, name, layer, find: (role) => this.#byRole.get(`${site.layer} ${role}`) };
  }

  #begin(model: ModelTensors, batch: EncoderBatch): Pass {
    const { blocks, block, attention } = this.#parts;
    const prefixes = new Map<string, PrefixStates>();
    for (const name of new Set(blocks)) {
      const prefix = model.edits.prefix?.(this.#byName.get(inBlock(name, block.attention))!);
      if (prefix) prefixes.set(name, prefix);
    }
    const prompt = model.edits.prompt?.('encoder');
    const prefixLength = [...prefixes.values()][0]?.key.shape[0] ?? 0;
    const added = { prefixes, prefixLength, prompt, virtual: prompt?.shape[0] ?? 0 };
    const whole = prependVisible(batch.bias, prefixLength + added.virtual);
    const slots = added.virtual + batch.length;
    // What several blocks read must stand before the first one, since a step may compute blocks a second time.
    const biases = new Map(
      [...new Set(attention.reach ?? [undefined])].map((reach) => [
        reach,
        reach === undefined ? whole : reachBias(whole, reach, slots),
      ]),
    );
    const bias = (layer: number): Tensor => biases.get(attention.reach?.[layer])!;
    const rotations = new Map(
      [...new Set(attention.rotary)].map((table) => [table, this.#rotation(batch, added, table)]),
    );
    return { batch, added, bias, rotations, relative: this.#relative(model) };
  }

  /** Rotary angles of the tokens, then of l virtual tokens for each sequence. */
  #rotation(batch: EncoderBatch, { virtual, prefixLength }: AddedTokens, table: RopeTable): Rotation {
    const tokens = batch.positions.add(ops.scalar(prefixLength + virtual, 'int32'));
    const ofVirtual = Int32Array.from(
      { length: batch.batch * virtual },
      (_, i) => prefixLength + (i % virtual),
    );
    const all = virtual > 0 ? ops.concat([tokens, ops.tensor(ofVirtual)], 0) : tokens;
    return rotationAt(all, { virtual: 0, prefixLength: 0 }, table);
  }

  #relative(model: ModelTensors): Tensor | undefined {
    const { relative } = this.#parts.attention;
    if (!relative) return undefined;
    const table = model.weight(relative.table);
    return relative.norm ? this.#norm(model, this.#byName.get(relative.norm)!, table) : table;
  }

  /** The first block's input of the tokens, then of l virtual tokens for each sequence: [N + B·l, d]. */
  #embed(model: ModelTensors, pass: Pass): Tensor {
    const { embedding, dropout, root } = this.#parts;
    const { projection } = embedding;
    const project = (x: Tensor): Tensor => linearAt(model, this.#byName.get(projection!.name)!, true, x);
    const summed = this.#sumTables(model, pass);
    const input = projection?.place === 'before norm' ? project(summed) : summed;
    const normal = this.#norm(model, this.#byName.get(embedding.norm)!, input);
    const x = dropoutAt(model, normal, dropout.embedding, `${root}embeddings.dropout`);
    return projection?.place === 'behind norm' ? project(x) : x;
  }

  #sumTables(model: ModelTensors, { batch, added }: Pass): Tensor {
    const { embedding } = this.#parts;
    const { prompt, prefixLength, virtual } = added;
    const site = (table: { readonly name: string }): Site => this.#byName.get(table.name)!;
    let tokens = embeddingAt(model, this.#byName.get(embedding.words)!, batch.ids);
    let ofPrompt = prompt;
    const { positions, tokenTypes } = embedding;
    if (positions) {
      // Positions count a method's prefix, as transformers does.
      const start = positions.first + prefixLength;
      const shift = start + virtual;
      const at = shift > 0 ? batch.positions.add(ops.scalar(shift, 'int32')) : batch.positions;
      tokens = tokens.add(embeddingAt(model, site(positions), at));
      ofPrompt &&= ofPrompt.add(embeddingRowsAt(model, site(positions), start, virtual));
    }
    if (tokenTypes) {
      const first = embeddingRowsAt(model, site(tokenTypes), 0, 1);
      const ids = tokenTypes.rows > 1 ? batch.tokenTypes : undefined;
      tokens = tokens.add(ids ? embeddingAt(model, site(tokenTypes), ids) : first);
      ofPrompt &&= ofPrompt.add(first);
    }
    if (!ofPrompt) return tokens;
    return ops.concat([tokens, repeatRows(ofPrompt, batch.batch).reshape([-1, tokens.shape[1]!])], 0);
  }

  #norm(model: ModelTensors, site: Site, x: Tensor): Tensor {
    return layerNormAt(model, site, this.#parts.norm.epsilon, x);
  }

  /** A norm before a sublayer, where the family's stand there and the block has it. */
  #normBefore({ model, find }: Block, role: 'attentionNorm' | 'mlpNorm', x: Tensor): Tensor {
    const site = this.#parts.order === 'post' ? undefined : find(role);
    return site ? this.#norm(model, site, x) : x;
  }

  /** Self-attention of all slots: x [N + B·l, d] → mixed values [B·(l + T), d]. */
  #attend(block: Block, pass: Pass, x: Tensor): Tensor {
    const { heads, width, attention, block: names, dropout } = this.#parts;
    const { model, name, layer } = block;
    const { batch, added } = pass;
    const { batch: sequences, length } = batch;
    const [query, key, value] = this.#queryKeyValue(block, pass, x).map((rows) =>
      encoderSlots(batch, rows, added.virtual),
    ) as [Tensor, Tensor, Tensor];
    const slots = added.virtual + length;
    const maskShape = [sequences, heads, slots, added.prefixLength + slots];
    const keep = dropoutMaskAt(
      model,
      maskShape,
      dropout.probabilities,
      inBlock(name, names.dropouts.probabilities),
    );
    const prefix = added.prefixes.get(name);
    const keys = prefix ? prependRows(prefix.key, key, sequences) : key;
    const values = prefix ? prependRows(prefix.value, value, sequences) : value;
    const terms = 1 + (attention.relative?.key ? 1 : 0) + (attention.relative?.query ? 1 : 0);
    const shape = { batch: sequences, heads, scale: 1 / Math.sqrt((width / heads) * terms) };
    const ofPositions = this.#positionScores(block, pass, query, keys, shape);
    const bias = pass.bias(layer);
    return ops.attention(query, keys, values, shape, ofPositions ? ofPositions.add(bias) : bias, keep);
  }

  /** Query, key and value [N + B·l, d] of rows x. The keys of a method's prefix are not rotated, as in peft. */
  #queryKeyValue({ model, layer, find }: Block, { rotations }: Pass, x: Tensor): [Tensor, Tensor, Tensor] {
    const { attention, width, heads } = this.#parts;
    const rotation = attention.rotary && rotations.get(attention.rotary[layer]!);
    const turn = (y: Tensor): Tensor => (rotation ? rotateHeads(y, rotation, width / heads) : y);
    const linear = (site: Site): Tensor => linearAt(model, site, true, x);
    const fused = find('queryKeyValue');
    const parts = fused ? [linear(fused)] : (['query', 'key', 'value'] as const).map((r) => linear(find(r)!));
    const [query, key, value] = separate(parts);
    return [turn(query), turn(key), value];
  }

  /** The scores between positions and contents [B, H, l + T, p + l + T], where positions are disentangled. */
  #positionScores(
    { model, name }: Block,
    { relative }: Pass,
    query: Tensor,
    keys: Tensor,
    shape: ops.AttentionShape,
  ): Tensor | undefined {
    const positions = this.#parts.attention.relative;
    if (!positions || !relative) return undefined;
    const rate = this.#parts.dropout.embedding;
    const table = dropoutAt(model, relative, rate, inBlock(name, positions.dropout));
    const project = (module: string | undefined): Tensor | undefined =>
      module === undefined
        ? undefined
        : linearAt(model, this.#byName.get(inBlock(name, module))!, true, table);
    const tables = { key: project(positions.key), query: project(positions.query) };
    return positionScores([query, keys], tables, shape, positions);
  }

  /** What a sublayer's output y [N, d] adds to the residual; x [N, d] is the sublayer's input. */
  #sublayer({ model, name, find }: Block, role: 'attention' | 'mlp', y: Tensor, x: Tensor): Tensor {
    const { dropout, block } = this.#parts;
    const edited = sublayerAt(model, find(role)!, y, x);
    return dropoutAt(model, edited, dropout[role], inBlock(name, block.dropouts[role]));
  }

  /** Ends a sublayer: adds what it gives, and normalises where norms stand behind. */
  #add({ model, find }: Block, role: 'attentionNorm' | 'mlpNorm', x: Tensor, added: Tensor): Tensor {
    const sum = x.add(added);
    return this.#parts.order === 'post' ? this.#norm(model, find(role)!, sum) : sum;
  }

  #addAttention(block: Block, x: Tensor, input: Tensor, mixed: Tensor): Tensor {
    const projected = linearAt(block.model, block.find('attentionOutput')!, true, mixed);
    return this.#add(block, 'attentionNorm', x, this.#sublayer(block, 'attention', projected, input));
  }

  /** The MLP and the block's output, [N, d]. */
  #addMlp(block: Block, x: Tensor): Tensor {
    const { activation, dropout, block: names } = this.#parts;
    const { model, name, find } = block;
    const input = this.#normBefore(block, 'mlpNorm', x);
    const linear = (site: Site, y: Tensor): Tensor => linearAt(model, site, true, y);
    const both = find('mlpGateUp');
    const active = both
      ? activateGate(activation, ...(ops.split(linear(both, input), 2, 1) as [Tensor, Tensor]))
      : activate(activation, linear(find('mlpUp')!, input));
    const inner = dropoutAt(model, active, dropout.inner, inBlock(name, `${names.mlp}.drop`));
    const down = linear(find('mlpOutput')!, inner);
    const sum = this.#add(block, 'mlpNorm', x, this.#sublayer(block, 'mlp', down, input));
    return blockAt(model, find('block')!, sum);
  }
}
