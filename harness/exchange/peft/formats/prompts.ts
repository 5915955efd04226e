/**
 * Prefix tuning, prompt tuning and P-tuning in PEFT's files, where each is one tensor, `prompt_embeddings`.
 */
import { z } from 'zod';
import { UsageError } from '../../../support/errors.ts';
import type { BaseModel } from '../../../models/base-model.ts';
import type { FamilyName } from '../../../models/edits.ts';
import type { Adapter, StoredTensors } from '../../adapter.ts';
import type { Format } from '../format.ts';
import { strangeKey } from './linear-modules.ts';
import { parseSettings, type Config } from '../settings.ts';

type Stored = StoredTensors[string];

const any = z.unknown().optional();
const common = {
  num_virtual_tokens: z.int().positive(),
  // Sizes of the base. They need no check, since the tensor's shape shows whether the adapter fits.
  token_dim: any,
  num_layers: any,
  num_attention_heads: any,
  num_transformer_submodules: any,
};

/** The encoders that take a cache in transformers, through which PEFT gives them a prefix. */
const takesCache: readonly FamilyName[] = ['bert', 'electra', 'roberta', 'xlm-roberta'];

/**
 * Prefix tuning. PEFT stores the output of a projected prefix's network, which is read as a prefix without
 * projection.
 */
export const prefix: Format = {
  peftType: 'PREFIX_TUNING',
  write(adapter, base) {
    const { projection, hidden, start, pairs } = adapter.options;
    const { headWidth, kvHeads, kind } = base.architecture;
    if (kind === 'encoder' && !takesCache.includes(base.family)) {
      throw new UsageError(
        `transformers' model of ${base.id} (${base.family}) takes no keys and values before its own, so that PEFT ` +
          'cannot compute a prefix on it.',
      );
    }
    // For prefix tuning PEFT's token_dim is the width of the keys, not of the model.
    const keys = headWidth * kvHeads;
    return {
      settings: {
        ...promptSettings(adapter, base),
        token_dim: keys,
        num_attention_heads: kvHeads,
        num_layers: pairs ?? base.architecture.layers,
        prefix_projection: projection,
        encoder_hidden_size: hidden ?? keys,
        init_weights: start === 'zero' ? 'zero' : null,
      },
      tensors: { prompt_embeddings: embeddings(adapter, 'transform', Math.tanh) },
    };
  },
  read(config, tensors, { architecture, id }, where) {
    const schema = z.object({
      ...common,
      num_layers: z.int().positive(),
      prefix_projection: any,
      encoder_hidden_size: any,
      init_weights: any,
    });
    const { num_virtual_tokens: virtualTokens, num_layers: pairs } = parseSettings(schema, config, where);
    const { layers, kind } = architecture;
    if (kind === 'encoder-decoder' && pairs < layers) {
      throw new UsageError(
        `${where} has a prefix for ${pairs} layers, the decoder of ${id} has ${layers}: ` +
          'peft itself fails on it (IndexError), for it takes the number of layers from the encoder.',
      );
    }
    return {
      options: { virtualTokens, ...(kind === 'encoder-decoder' && pairs > layers && { pairs }) },
      tensors: { 'embedding.weight': only(tensors, where, 'PREFIX_TUNING') },
    };
  },
};

const starts = { random: 'RANDOM', vocabulary: 'SAMPLE_VOCAB', text: 'TEXT' } as const;

/**
 * Prompt tuning. For an encoder-decoder PEFT stores as many rows again for the decoder, and never uses them.
 */
export const prompt: Format = {
  peftType: 'PROMPT_TUNING',
  write(adapter, base) {
    const { start, text } = adapter.options as { start: keyof typeof starts; text?: string };
    return {
      settings: {
        ...promptSettings(adapter, base),
        prompt_tuning_init: starts[start],
        prompt_tuning_init_text: text ?? null,
        // PEFT requires a tokenizer with a text, though the prompt is loaded from the tensor.
        tokenizer_name_or_path: text === undefined ? null : base.id,
      },
      tensors: { prompt_embeddings: forEachStack(embeddings(adapter), base) },
    };
  },
  read(config, tensors, base, where) {
    const names = { prompt_tuning_init: any, prompt_tuning_init_text: any, tokenizer_name_or_path: any };
    const schema = z.object({ ...common, ...names, tokenizer_kwargs: any });
    return readPrompt(parseSettings(schema, config, where), tensors, base, where, 'PROMPT_TUNING');
  },
};

/** P-tuning. PEFT stores the output of the prompt's network, so the adapter is read as prompt tuning. */
export const pTuning: Format = {
  peftType: 'P_TUNING',
  write(adapter, base) {
    const made = embeddings(adapter, 'mlp_head', (y) => Math.max(0, y));
    return {
      settings: {
        ...promptSettings(adapter, base),
        encoder_reparameterization_type: 'MLP',
        encoder_hidden_size: adapter.options.hidden ?? base.architecture.width,
        encoder_num_layers: 2,
        encoder_dropout: 0,
      },
      tensors: { prompt_embeddings: forEachStack(made, base) },
    };
  },
  read(config, tensors, base, where) {
    const names = { encoder_hidden_size: any, encoder_num_layers: any, encoder_dropout: any };
    const schema = z.object({ ...common, ...names, encoder_reparameterization_type: any });
    return readPrompt(parseSettings(schema, config, where), tensors, base, where, 'P_TUNING');
  },
};

function promptSettings({ options, head }: Adapter, { architecture, id }: BaseModel): Config {
  if (architecture.kind === 'encoder-decoder' && Object.keys(head).length > 0) {
    throw new UsageError(
      `transformers' classifier of ${id} takes neither embeddings nor keys and values from outside, so that PEFT ` +
        'cannot compute virtual tokens on it.',
    );
  }
  if (architecture.embeddingWidth !== undefined) {
    throw new UsageError(
      `PEFT makes virtual tokens as wide as the model (${architecture.width}), and the embeddings of ${id} have ` +
        `${architecture.embeddingWidth} numbers: no adapter of PEFT can hold them.`,
    );
  }
  return {
    num_virtual_tokens: options.virtualTokens,
    token_dim: architecture.width,
    num_layers: architecture.layers,
    num_attention_heads: architecture.heads,
    num_transformer_submodules: architecture.kind === 'encoder-decoder' ? 2 : 1,
  };
}

function readPrompt(
  settings: { num_virtual_tokens: number },
  tensors: StoredTensors,
  { architecture }: BaseModel,
  where: string,
  peftType: string,
): ReturnType<Format['read']> {
  const virtualTokens = settings.num_virtual_tokens;
  const { shape, data } = only(tensors, where, peftType);
  const doubled = architecture.kind === 'encoder-decoder' && shape[0] === 2 * virtualTokens;
  const own = doubled
    ? { shape: [virtualTokens, ...shape.slice(1)], data: data.slice(0, data.length / 2) }
    : { shape, data };
  return { method: 'prompt', options: { virtualTokens }, tensors: { 'embedding.weight': own } };
}

/**
 * The only tensor of an adapter of prompt learning; throws UsageError if it is missing or there are others.
 */
function only(tensors: StoredTensors, where: string, peftType: string): Stored {
  const strange = Object.keys(tensors).find((key) => key !== 'prompt_embeddings');
  if (strange !== undefined) throw strangeKey(where, strange, peftType);
  const found = tensors.prompt_embeddings;
  if (!found) throw new UsageError(`${where} lacks its only tensor, "prompt_embeddings".`);
  return found;
}

/** Appends as many rows of zeros for an encoder-decoder's second stack, as PEFT's shape requires. */
function forEachStack({ shape, data }: Stored, { architecture }: BaseModel): Stored {
  if (architecture.kind !== 'encoder-decoder') return { shape, data };
  const twice = new Float32Array(2 * data.length);
  twice.set(data);
  return { shape: [2 * shape[0]!, ...shape.slice(1)], data: twice };
}

/**
 * The embedding [n, d], or the output for it of the network with the linear layers `<name>.0`, `<name>.2`, …
 * and `activate` between them.
 */
function embeddings({ tensors }: Adapter, name = '', activate = (y: number): number => y): Stored {
  let { shape, data } = tensors['embedding.weight']!;
  for (let i = 0; `${name}.${i}.weight` in tensors; i += 2) {
    const { shape: layer, data: W } = tensors[`${name}.${i}.weight`]!;
    const [outputs, inputs] = layer as [number, number];
    const { data: b } = tensors[`${name}.${i}.bias`]!;
    const rows = shape[0]!;
    const [x, y] = [i === 0 ? data : data.map(activate), new Float32Array(rows * outputs)];
    for (let row = 0; row < rows; row++) {
      for (let o = 0; o < outputs; o++) {
        let sum = b[o]!;
        for (let k = 0; k < inputs; k++) sum += W[o * inputs + k]! * x[row * inputs + k]!;
        y[row * outputs + o] = sum;
      }
    }
    [shape, data] = [[rows, outputs], y];
  }
  return { shape, data };
}
