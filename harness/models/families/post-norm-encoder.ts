import { z } from 'zod';
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import { headCount, layerCount, tableRows, widthSize } from './config-fields.ts';
import type {
  EncoderBatch,
  EncoderOnly,
  EncoderStates,
  Architecture,
  ModelTensors,
} from '../architecture.ts';
import {
  blockAt,
  dropoutAt,
  layerNormAt,
  layOut,
  linearAt,
  putAhead,
  selectWanted,
  sublayerAt,
  takeBack,
} from './layers.ts';
import type { FamilyName, Shape, Shapes, Site } from '../edits.ts';

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
  /** Rows of the position table before that of the first token. */
  readonly firstPosition: number;
  /** Whether positions count a method's prefix, as transformers does here. */
  readonly prefixTakesPositions: boolean;
  /** Whether it has a pooler, which Hugging Face's head reads. */
  readonly pooler: boolean;
}

/** An encoder of post-norm blocks (Devlin et al., 2019) as Hugging Face's BertModel and RobertaModel compute it. */
export function postNormEncoder(config: EncoderConfig, form: EncoderForm): Architecture {
  const { hidden_size: d, num_hidden_layers: layers, num_attention_heads: heads } = config;
  const { vocab_size: vocabulary, intermediate_size: inner, layer_norm_eps: epsilon } = config;
  const { family, firstPosition } = form;
  const stack = 'encoder' as const;
  const table = (name: string): string => `${family}.embeddings.${name}_embeddings.weight`;
  const embeddingNorm = `${family}.embeddings.LayerNorm`;
  const blockName = (layer: number): string => `${family}.encoder.layer.${layer}`;

  const shapes: Record<string, Shape> = {
    [table('word')]: [vocabulary, d],
    [table('position')]: [config.max_position_embeddings, d],
    [table('token_type')]: [config.type_vocab_size, d],
  };
  const sites: Site[] = [];
  const place = (site: Omit<Site, 'stack'>, weight?: Shape): void => {
    sites.push({ ...site, stack });
    if (weight) {
      shapes[`${site.name}.weight`] = weight;
      shapes[`${site.name}.bias`] = [site.outputs];
    }
  };
  const norm = (role: Site['role'], layer: number, name: string): void => {
    place({ kind: 'norm', role, layer, name, inputs: d, outputs: d, bias: true }, [d]);
  };
  norm('embeddingNorm', -1, embeddingNorm);
  for (let layer = 0; layer < layers; layer++) {
    const h = blockName(layer);
    const linear = (role: Site['role'], name: string, inputs: number, outputs: number): void => {
      place({ kind: 'linear', role, layer, name, inputs, outputs, bias: true }, [outputs, inputs]);
    };
    const whole = (kind: Site['kind'], role: Site['role'], name: string): void => {
      const attention = role === 'attention' ? { attention: 'self' as const } : {};
      place({ kind, role, layer, name, inputs: d, outputs: d, bias: false, ...attention });
    };
    linear('query', `${h}.attention.self.query`, d, d);
    linear('key', `${h}.attention.self.key`, d, d);
    linear('value', `${h}.attention.self.value`, d, d);
    linear('attentionOutput', `${h}.attention.output.dense`, d, d);
    whole('sublayer', 'attention', `${h}.attention`);
    norm('attentionNorm', layer, `${h}.attention.output.LayerNorm`);
    linear('mlpUp', `${h}.intermediate.dense`, d, inner);
    linear('mlpOutput', `${h}.output.dense`, inner, d);
    // Hugging Face has no module around both linears.
    whole('sublayer', 'mlp', `${h}.output`);
    norm('mlpNorm', layer, `${h}.output.LayerNorm`);
    whole('block', 'block', h);
  }
  const poolerName = `${family}.pooler.dense`;
  // Its tensors are none of the base's, for only one of the heads reads them.
  if (form.pooler)
    sites.push({
      kind: 'linear',
      role: 'pooler',
      stack,
      layer: layers,
      name: poolerName,
      inputs: d,
      outputs: d,
      bias: true,
    });
  const siteAt = new Map(sites.map((site) => [site.name, site]));
  const at = (name: string): Site => siteAt.get(name)!;

  function encode(whole: ModelTensors, batch: EncoderBatch): EncoderStates {
    const { batch: rows, outputRows } = batch;
    let model = whole;
    const scale = 1 / Math.sqrt(d / heads);
    const linear = (name: string, x: Tensor): Tensor => linearAt(model, at(name), true, x);
    const norm = (name: string, x: Tensor): Tensor => layerNormAt(model, at(name), epsilon, x);
    const drop = (x: Tensor, name: string): Tensor => dropoutAt(model, x, config.hidden_dropout_prob, name);
    const prefixes = Array.from({ length: layers }, (_, layer) =>
      model.edits.prefix?.(at(`${blockName(layer)}.attention`)),
    );
    const prompt = model.edits.prompt?.(stack);
    const [before, virtual] = [prefixes[0]?.key.shape[0] ?? 0, prompt?.shape[0] ?? 0];
    const slots = virtual + batch.length;
    const extraKeys = before + virtual;
    const bias = extraKeys > 0 ? ops.concat([ops.zeros([rows, 1, 1, extraKeys]), batch.bias], 3) : batch.bias;

    let x = drop(norm(embeddingNorm, embed(model, batch, before, prompt)), `${family}.embeddings.dropout`);
    ops.boundary(x);
    for (let layer = 0; layer < layers; layer++) {
      const h = blockName(layer);
      const self = `${h}.attention.self`;
      const part = (name: string): Tensor => layOut(batch, linear(`${self}.${name}`, x), virtual);
      const [q, k, v] = [part('query'), part('key'), part('value')];
      const prefix = prefixes[layer];
      const keep = model.dropout
        ? model.context.dropoutMask([rows, heads, slots, before + slots], config.attention_probs_dropout_prob, `${self}.dropout`) // prettier-ignore
        : undefined;
      const slotsMixed = ops.attention(
        q,
        prefix ? putAhead(prefix.key, k, rows) : k,
        prefix ? putAhead(prefix.value, v, rows) : v,
        { batch: rows, heads, scale },
        bias,
        keep,
      );
      let mixed = takeBack(batch, slotsMixed, virtual);
      if (outputRows && layer === layers - 1) {
        // From here on nothing reads the states of other tokens.
        model = model.only(outputRows);
        [x, mixed] = [selectWanted(outputRows, x), selectWanted(outputRows, mixed)];
      }
      const attended = linear(`${h}.attention.output.dense`, mixed);
      const a = drop(sublayerAt(model, at(`${h}.attention`), attended, x), `${h}.attention.output.dropout`);
      const middle = norm(`${h}.attention.output.LayerNorm`, x.add(a));

      const up = ops.gelu(linear(`${h}.intermediate.dense`, middle));
      const down = sublayerAt(model, at(`${h}.output`), linear(`${h}.output.dense`, up), middle);
      const m = drop(down, `${h}.output.dropout`);
      x = blockAt(model, at(h), norm(`${h}.output.LayerNorm`, middle.add(m)));
    }
    if (virtual === 0 || outputRows) return { hidden: x };
    const [hidden, others] = ops.split(x, [x.shape[0] - rows * virtual, rows * virtual], 0) as [
      Tensor,
      Tensor,
    ];
    return { hidden, virtual: others };
  }

  /** Words, positions and types of the tokens, and of l virtual tokens a sequence behind them: [N + B·l, d]. */
  function embed(model: ModelTensors, batch: EncoderBatch, before: number, prompt?: Tensor): Tensor {
    const [positions, types] = [model.weight(table('position')), model.weight(table('token_type'))];
    const virtual = prompt?.shape[0] ?? 0;
    const start = firstPosition + (form.prefixTakesPositions ? before : 0);
    const shift = start + virtual;
    const places = shift > 0 ? batch.positions.add(ops.scalar(shift, 'int32')) : batch.positions;
    const firstType = ops.slice(types, [0, 0], [1, d]);
    const ofToken = batch.tokenTypes && config.type_vocab_size > 1 ? ops.gather(types, batch.tokenTypes) : firstType; // prettier-ignore
    const words = ops.gather(model.weight(table('word')), batch.ids);
    const embedded = words.add(ops.gather(positions, places)).add(ofToken);
    if (!prompt) return embedded;
    const own = prompt.add(ops.slice(positions, [start, 0], [virtual, d])).add(firstType);
    const repeated = ops.ones([batch.batch, 1, 1]).mul(ops.expandDims(own, 0)).reshape([-1, d]);
    return ops.concat([embedded, repeated], 0);
  }

  const pooler: Shapes = {
    [`${poolerName}.weight`]: [d, d],
    [`${poolerName}.bias`]: [d],
  };
  return {
    family,
    kind: 'encoder',
    sites,
    shapes,
    ...(form.pooler && { pooler }),
    classifierDropout: config.classifier_dropout ?? config.hidden_dropout_prob,
    deviation: config.initializer_range,
    layers,
    heads,
    kvHeads: heads,
    width: d,
    headWidth: d / heads,
    vocabulary,
    positions: config.max_position_embeddings - firstPosition,
    embedding: table('word'),
    transposed: true,
    blockNorm: (block) => at(`${block.name}.output.LayerNorm`),
    // Hugging Face's PreTrainedModel: everything normal, but for norms and biases.
    initial(name) {
      if (name.endsWith('LayerNorm.weight')) return { kind: 'constant', value: 1 };
      if (name.endsWith('.bias')) return { kind: 'constant', value: 0 };
      return { kind: 'normal', deviation: config.initializer_range };
    },
    // Bare models leave the prefix out; BERT's first checkpoints call a norm's tensors gamma and beta.
    aliases(name) {
      const old = name
        .replace('LayerNorm.weight', 'LayerNorm.gamma')
        .replace('LayerNorm.bias', 'LayerNorm.beta');
      return [name, old].flatMap((each) => [each, each.slice(family.length + 1)]);
    },
    isBuffer: (name) => /(^|\.)embeddings\.position_ids$/.test(name),
    isOtherHead: (name) => /^(lm_head|cls|classifier)\.|(^|\.)pooler\.dense\./.test(name),
    encode,
  } satisfies Architecture & EncoderOnly;
}
