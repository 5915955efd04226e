/**
 * Encoders of post-norm blocks, x ← norm(x + attention(x)) and x ← norm(x + mlp(x)): the configuration,
 * sites, tensors and forward pass that BERT and RoBERTa share. bert.ts and roberta.ts say where the two
 * differ.
 */
import { z } from 'zod';
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type {
  Architecture,
  EncoderBatch,
  EncoderOnly,
  EncoderStates,
  ModelTensors,
  PrefixStates,
} from '../architecture.ts';
import type { FamilyName, Shapes, Site } from '../edits.ts';
import { headCount, layerCount, tableRows, widthSize } from './parts/config-fields.ts';
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
  splitRows,
  sublayerAt,
} from './parts/layers.ts';
import { SiteList } from './parts/site-list.ts';

/** The part of Hugging Face's BertConfig and RobertaConfig that the forward pass depends on. */
export const encoderFields = {
  vocab_size: tableRows,
  hidden_size: widthSize,
  num_hidden_layers: layerCount,
  num_attention_heads: headCount,
  intermediate_size: widthSize,
  max_position_embeddings: tableRows,
  type_vocab_size: tableRows,
  layer_norm_eps: z.number().positive().default(1e-12),
  hidden_act: z.literal('gelu').default('gelu'),
  hidden_dropout_prob: z.number().min(0).lt(1).default(0.1),
  attention_probs_dropout_prob: z.number().min(0).lt(1).default(0.1),
  classifier_dropout: z.number().min(0).lt(1).nullish(),
  initializer_range: z.number().positive().default(0.02),
  position_embedding_type: z.literal('absolute').default('absolute'),
  is_decoder: z.literal(false).default(false),
  add_cross_attention: z.literal(false).default(false),
};
export type EncoderConfig = z.infer<z.ZodObject<typeof encoderFields>>;

/** Says what is wrong with a configuration whose fields are sound each by itself. */
export const headsDivide = {
  check: ({ hidden_size, num_attention_heads }: EncoderConfig): boolean =>
    hidden_size % num_attention_heads === 0,
  error: ({ input }: { input?: unknown }): string => {
    const { hidden_size, num_attention_heads } = input as EncoderConfig;
    return `hidden_size ${hidden_size} is no multiple of num_attention_heads ${num_attention_heads}`;
  },
};

/** What RoBERTa and BERT differ in. */
export interface EncoderForm {
  readonly family: FamilyName;
  /** What every module's name begins with. */
  readonly root: 'bert' | 'roberta';
  /** Rows of the position table before that of the first token. */
  readonly firstPosition: number;
  /** Whether positions count a method's prefix, as transformers does here. */
  readonly prefixTakesPositions: boolean;
  /** Whether it has a pooler, which Hugging Face's head reads. */
  readonly pooler: boolean;
}

/**
 * An encoder of post-norm blocks (Devlin et al., 2019) as Hugging Face's BertModel and RobertaModel compute
 * it.
 */
export function postNormEncoder(config: EncoderConfig, form: EncoderForm): Architecture {
  const { hidden_size: d, num_hidden_layers: layers, num_attention_heads: heads } = config;
  const { family, root, firstPosition } = form;
  const list = describeModules(config, form);
  const find = list.finder();
  const pooler: Shapes = {
    [`${poolerName(root)}.weight`]: [d, d],
    [`${poolerName(root)}.bias`]: [d],
  };
  return {
    family,
    kind: 'encoder',
    sites: list.sites,
    shapes: list.shapes,
    ...(form.pooler && { pooler }),
    classifierDropout: config.classifier_dropout ?? config.hidden_dropout_prob,
    deviation: config.initializer_range,
    layers,
    heads,
    kvHeads: heads,
    width: d,
    headWidth: d / heads,
    vocabulary: config.vocab_size,
    positions: config.max_position_embeddings - firstPosition,
    embedding: `${tableName(root, 'word')}.weight`,
    transposed: true,
    blockNorm: (block) => find(`${block.name}.output.LayerNorm`),
    // Hugging Face's PreTrainedModel: everything is normal but norms and biases.
    initial(name) {
      if (name.endsWith('LayerNorm.weight')) return { kind: 'constant', value: 1 };
      if (name.endsWith('.bias')) return { kind: 'constant', value: 0 };
      return { kind: 'normal', deviation: config.initializer_range };
    },
    // Checkpoints of bare models leave `<root>.` out; BERT's first ones call a norm's tensors gamma and
    // beta.
    aliases(name) {
      const old = name
        .replace('LayerNorm.weight', 'LayerNorm.gamma')
        .replace('LayerNorm.bias', 'LayerNorm.beta');
      return [name, old].flatMap((known) => [known, known.slice(root.length + 1)]);
    },
    isBuffer: (name) => /(^|\.)embeddings\.position_ids$/.test(name),
    isOtherHead: (name) => /^(lm_head|cls|classifier)\.|(^|\.)pooler\.dense\./.test(name),
    encode: (model, batch) => encode({ config, form, find }, model, batch),
  } satisfies Architecture & EncoderOnly;
}

type Root = EncoderForm['root'];
const tableName = (root: Root, table: 'word' | 'position' | 'token_type'): string =>
  `${root}.embeddings.${table}_embeddings`;
const embeddingNorm = (root: Root): string => `${root}.embeddings.LayerNorm`;
const blockName = (root: Root, layer: number): string => `${root}.encoder.layer.${layer}`;
const poolerName = (root: Root): string => `${root}.pooler.dense`;

/** The sites and the tensors; the pooler is a site, but its tensors belong to the head that reads them. */
function describeModules(config: EncoderConfig, { root, pooler }: EncoderForm): SiteList {
  const { hidden_size: d, num_hidden_layers: layers, intermediate_size: inner } = config;
  const list = new SiteList({ width: d, transposed: true });
  const stack = 'encoder' as const;
  const table = { stack, layer: -1 };
  const { vocab_size: words, max_position_embeddings: positions, type_vocab_size: types } = config;
  list.embedding({ ...table, role: 'wordEmbedding', name: tableName(root, 'word'), rows: words });
  list.embedding({
    ...table,
    role: 'positionEmbedding',
    name: tableName(root, 'position'),
    rows: positions,
  });
  list.embedding({
    ...table,
    role: 'tokenTypeEmbedding',
    name: tableName(root, 'token_type'),
    rows: types,
  });
  list.norm({ stack, layer: -1, role: 'embeddingNorm', name: embeddingNorm(root), bias: true });
  for (let layer = 0; layer < layers; layer++) {
    const h = blockName(root, layer);
    const at = { stack, layer };
    const square = { ...at, inputs: d, outputs: d, bias: true };
    const norm = { ...at, bias: true };
    list.linear({ ...square, role: 'query', name: `${h}.attention.self.query` });
    list.linear({ ...square, role: 'key', name: `${h}.attention.self.key` });
    list.linear({ ...square, role: 'value', name: `${h}.attention.self.value` });
    list.linear({ ...square, role: 'attentionOutput', name: `${h}.attention.output.dense` });
    list.output('sublayer', { ...at, role: 'attention', attention: 'self', name: `${h}.attention` });
    list.norm({ ...norm, role: 'attentionNorm', name: `${h}.attention.output.LayerNorm` });
    list.linear({ ...square, role: 'mlpUp', name: `${h}.intermediate.dense`, outputs: inner });
    list.linear({ ...square, role: 'mlpOutput', name: `${h}.output.dense`, inputs: inner });
    // Hugging Face has no module around the MLP's two linears, so the sublayer is called as the second one's
    // parent.
    list.output('sublayer', { ...at, role: 'mlp', name: `${h}.output` });
    list.norm({ ...norm, role: 'mlpNorm', name: `${h}.output.LayerNorm` });
    list.output('block', { ...at, role: 'block', name: h });
  }
  if (pooler) {
    const site = { stack, layer: layers, role: 'pooler', name: poolerName(root) } as const;
    list.sites.push({ ...site, kind: 'linear', inputs: d, outputs: d, bias: true });
  }
  return list;
}

/** An encoder's configuration and sites. */
interface Encoder {
  readonly config: EncoderConfig;
  readonly form: EncoderForm;
  find(name: string): Site;
}

/**
 * What a method adds before every sequence: keys and values, one for each layer, and virtual tokens [l, d].
 */
interface AddedTokens {
  readonly prefixes: readonly (PrefixStates | undefined)[];
  readonly prefixLength: number;
  readonly prompt: Tensor | undefined;
  /** l */
  readonly virtual: number;
}

function addedTokens({ config, form, find }: Encoder, model: ModelTensors): AddedTokens {
  const prefixes = Array.from({ length: config.num_hidden_layers }, (_, layer) =>
    model.edits.prefix?.(find(`${blockName(form.root, layer)}.attention`)),
  );
  const prompt = model.edits.prompt?.('encoder');
  const prefixLength = prefixes[0]?.key.shape[0] ?? 0;
  return { prefixes, prefixLength, prompt, virtual: prompt?.shape[0] ?? 0 };
}

/** Hidden states [N, d] or [R, d], and [B·l, d] of virtual tokens where all rows are read. */
function encode(encoder: Encoder, allRows: ModelTensors, batch: EncoderBatch): EncoderStates {
  const { config, form, find } = encoder;
  const { outputRows } = batch;
  const layers = config.num_hidden_layers;
  const added = addedTokens(encoder, allRows);
  const bias = prependVisible(batch.bias, added.prefixLength + added.virtual);

  let model = allRows;
  const embedded = embed(encoder, model, batch, added);
  const normal = layerNormAt(model, find(embeddingNorm(form.root)), config.layer_norm_eps, embedded);
  let x = dropoutAt(model, normal, config.hidden_dropout_prob, `${form.root}.embeddings.dropout`);
  ops.boundary(x);
  for (let layer = 0; layer < layers; layer++) {
    const block = blockName(form.root, layer);
    const attended = attend(encoder, model, { batch, added, bias, layer }, x);
    let mixed = encoderTokens(batch, attended, added.virtual);
    if (outputRows && layer === layers - 1) {
      // After the last attention nothing reads the states of other tokens.
      model = allRows.only(outputRows);
      x = selectOutputRows(outputRows, x);
      mixed = selectOutputRows(outputRows, mixed);
    }
    x = addMlp(encoder, model, block, addAttention(encoder, model, block, x, mixed));
  }
  if (outputRows) return { hidden: x };
  const [hidden, ofVirtual] = splitRows(x, batch.batch * added.virtual);
  return ofVirtual ? { hidden, virtual: ofVirtual } : { hidden };
}

/** Words, positions and types of the tokens, then of l virtual tokens for each sequence: [N + B·l, d]. */
function embed(
  { config, form, find }: Encoder,
  model: ModelTensors,
  batch: EncoderBatch,
  { prompt, prefixLength, virtual }: AddedTokens,
): Tensor {
  const d = config.hidden_size;
  const site = (table: Parameters<typeof tableName>[1]): Site => find(tableName(form.root, table));
  const [positions, types] = [site('position'), site('token_type')];
  const start = form.firstPosition + (form.prefixTakesPositions ? prefixLength : 0);
  const shift = start + virtual;
  const at = shift > 0 ? batch.positions.add(ops.scalar(shift, 'int32')) : batch.positions;
  const firstType = embeddingRowsAt(model, types, 0, 1);
  const typeIds = config.type_vocab_size > 1 ? batch.tokenTypes : undefined;
  const tokenType = typeIds ? embeddingAt(model, types, typeIds) : firstType;
  const words = embeddingAt(model, site('word'), batch.ids);
  const tokens = words.add(embeddingAt(model, positions, at)).add(tokenType);
  if (!prompt) return tokens;
  const ofPrompt = prompt.add(embeddingRowsAt(model, positions, start, virtual)).add(firstType);
  return ops.concat([tokens, repeatRows(ofPrompt, batch.batch).reshape([-1, d])], 0);
}

/** Self-attention of all slots of a layer: x [N + B·l, d] → mixed values [B·(l + T), d]. */
function attend(
  { config, form, find }: Encoder,
  model: ModelTensors,
  at: {
    readonly batch: EncoderBatch;
    readonly added: AddedTokens;
    readonly bias: Tensor;
    readonly layer: number;
  },
  x: Tensor,
): Tensor {
  const { batch, added, bias, layer } = at;
  const { batch: sequences, length } = batch;
  const heads = config.num_attention_heads;
  const name = `${blockName(form.root, layer)}.attention.self`;
  const slotsOf = (part: 'query' | 'key' | 'value'): Tensor =>
    encoderSlots(batch, linearAt(model, find(`${name}.${part}`), true, x), added.virtual);
  const [query, key, value] = [slotsOf('query'), slotsOf('key'), slotsOf('value')];
  const slots = added.virtual + length;
  const maskShape = [sequences, heads, slots, added.prefixLength + slots];
  const keep = dropoutMaskAt(model, maskShape, config.attention_probs_dropout_prob, `${name}.dropout`);
  const prefix = added.prefixes[layer];
  const shape = { batch: sequences, heads, scale: 1 / Math.sqrt(config.hidden_size / heads) };
  const keys = prefix ? prependRows(prefix.key, key, sequences) : key;
  const values = prefix ? prependRows(prefix.value, value, sequences) : value;
  return ops.attention(query, keys, values, shape, bias, keep);
}

/** x ← norm(x + dropout(edit(W_o mixed))): [N, d]. */
function addAttention(
  { config, find }: Encoder,
  model: ModelTensors,
  block: string,
  x: Tensor,
  mixed: Tensor,
): Tensor {
  const name = `${block}.attention`;
  const projected = linearAt(model, find(`${name}.output.dense`), true, mixed);
  const edited = sublayerAt(model, find(name), projected, x);
  const dropped = dropoutAt(model, edited, config.hidden_dropout_prob, `${name}.output.dropout`);
  return layerNormAt(model, find(`${name}.output.LayerNorm`), config.layer_norm_eps, x.add(dropped));
}

/** x ← norm(x + dropout(edit(W_2 gelu(W_1 x)))): [N, d], the block's output. */
function addMlp({ config, find }: Encoder, model: ModelTensors, block: string, x: Tensor): Tensor {
  const up = ops.gelu(linearAt(model, find(`${block}.intermediate.dense`), true, x));
  const down = linearAt(model, find(`${block}.output.dense`), true, up);
  const edited = sublayerAt(model, find(`${block}.output`), down, x);
  const dropped = dropoutAt(model, edited, config.hidden_dropout_prob, `${block}.output.dropout`);
  const normal = layerNormAt(model, find(`${block}.output.LayerNorm`), config.layer_norm_eps, x.add(dropped));
  return blockAt(model, find(block), normal);
}
