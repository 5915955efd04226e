/** The families that are built, with what was tried and what is refused; `bench list families` shows them. */
import { z, type ZodType } from 'zod';
import { UsageError } from '../../support/errors.ts';
import { problemsOf } from '../../support/json/validation-messages.ts';
import type { Architecture } from '../architecture.ts';
import type { FamilyName } from '../edits.ts';
import { albert, albertConfig } from './albert.ts';
import { bart, bartConfig } from './bart.ts';
import { bert, bertConfig } from './bert.ts';
import { deberta, debertaConfig } from './deberta.ts';
import { distilbert, distilbertConfig } from './distilbert.ts';
import { electra, electraConfig } from './electra.ts';
import { gemma2, gemma2Config, gemma3, gemma3Config } from './gemma.ts';
import { gptNeox, gptNeoxConfig } from './gpt-neox.ts';
import { gpt2, gpt2Config } from './gpt2.ts';
import { llama, llamaConfig } from './llama.ts';
import { mistral, mistralConfig } from './mistral.ts';
import { modernbert, modernbertConfig } from './modernbert.ts';
import { olmo2, olmo2Config } from './olmo2.ts';
import { opt, optConfig } from './opt.ts';
import { phi3, phi3Config } from './phi3.ts';
import { qwen2, qwen2Config, qwen3, qwen3Config } from './qwen.ts';
import { roberta, robertaConfig } from './roberta.ts';
import { smollm3, smollm3Config } from './smollm3.ts';
import { starcoder2, starcoder2Config } from './starcoder2.ts';
import { mt5Config, t5, t5Config } from './t5.ts';

/** What a family is to its users. */
export interface FamilyNote {
  /** Models of the family. */
  readonly models: string;
  /** What it was held against: `tiny` are transformers' numbers of small random models. */
  readonly triedWith: string;
  /** Settings of config.json that are refused, in words. */
  readonly refuses: string;
}

interface Family extends FamilyNote {
  /** Reads config.json: throws UsageError where a setting of it is not built. */
  read(config: unknown, where: string, ownHead?: boolean): Architecture;
}

function family<Config>(
  schema: ZodType<Config>,
  describe: (config: Config, ownHead?: boolean) => Architecture,
  note: FamilyNote,
): Family {
  return {
    ...note,
    read(config, where, ownHead) {
      const parsed = schema.safeParse(config);
      if (parsed.success) return describe(parsed.data, ownHead);
      throw new UsageError(`${where} cannot be used: ${problemsOf(parsed.error).join('; ')}.`);
    },
  };
}

const tiny = 'tiny';
const ropes = 'unknown rope types';

/** The families that are built, by the model_type of config.json. */
export const families = {
  albert: family(albertConfig, albert, {
    models: 'ALBERT',
    triedWith: tiny,
    refuses: 'relative positions',
  }),
  bart: family(bartConfig, bart, {
    models: 'BART',
    triedWith: tiny,
    refuses: 'norms before the sublayers (mBART), layerdrop, a table for each stack',
  }),
  bert: family(bertConfig, bert, {
    models: 'BERT, MiniLM',
    triedWith: 'tiny, all-MiniLM-L6-v2',
    refuses: 'decoders, relative positions',
  }),
  'deberta-v2': family(debertaConfig, deberta, {
    models: 'DeBERTa v2 and v3, mDeBERTa',
    triedWith: tiny,
    refuses: 'the convolution of v2 xlarge and xxlarge, dropout in the pooler',
  }),
  distilbert: family(distilbertConfig, distilbert, {
    models: 'DistilBERT',
    triedWith: tiny,
    refuses: 'activations that are not built',
  }),
  electra: family(electraConfig, electra, {
    models: 'ELECTRA',
    triedWith: tiny,
    refuses: 'decoders, relative positions',
  }),
  gemma2: family(gemma2Config, gemma2, {
    models: 'Gemma 2',
    triedWith: tiny,
    refuses: `bidirectional attention, ${ropes}`,
  }),
  gemma3_text: family(gemma3Config, gemma3, {
    models: 'Gemma 3 (text)',
    triedWith: tiny,
    refuses: `gemma3 with images, bidirectional attention, a soft cap of scores, ${ropes}`,
  }),
  gpt2: family(gpt2Config, gpt2, {
    models: 'GPT-2',
    triedWith: tiny,
    refuses: 'unscaled or layer-scaled attention, cross attention, other activations than gelu_new',
  }),
  gpt_neox: family(gptNeoxConfig, gptNeox, {
    models: 'GPT-NeoX, Pythia',
    triedWith: tiny,
    refuses: ropes,
  }),
  llama: family(llamaConfig, llama, {
    models: 'Llama 1 to 3, SmolLM2, TinyLlama',
    triedWith: 'tiny, SmolLM2-135M-Instruct',
    refuses: `partial rotary, other activations than silu, ${ropes}`,
  }),
  mistral: family(mistralConfig, mistral, {
    models: 'Mistral 7B',
    triedWith: tiny,
    refuses: `layer_types, other activations than silu, ${ropes}`,
  }),
  modernbert: family(modernbertConfig, modernbert, {
    models: 'ModernBERT',
    triedWith: tiny,
    refuses: ropes,
  }),
  mt5: family(mt5Config, t5, {
    models: 'mT5',
    triedWith: tiny,
    refuses: 'other feed-forwards than relu and gated-gelu',
  }),
  olmo2: family(olmo2Config, olmo2, {
    models: 'OLMo 2',
    triedWith: tiny,
    refuses: `other activations than silu, ${ropes}`,
  }),
  opt: family(optConfig, opt, {
    models: 'OPT, Galactica',
    triedWith: tiny,
    refuses: 'OPT-350m (norms behind sublayers, narrower embeddings), norms without weights, layerdrop',
  }),
  phi3: family(phi3Config, phi3, {
    models: 'Phi-3, Phi-3.5, Phi-4-mini',
    triedWith: tiny,
    refuses: 'layer_types; texts are cut at original_max_position_embeddings under longrope',
  }),
  qwen2: family(qwen2Config, qwen2, {
    models: 'Qwen2, Qwen2.5',
    triedWith: tiny,
    refuses: `other activations than silu, ${ropes}`,
  }),
  qwen3: family(qwen3Config, qwen3, {
    models: 'Qwen3',
    triedWith: tiny,
    refuses: `qwen3_moe, other activations than silu, ${ropes}`,
  }),
  roberta: family(robertaConfig, roberta, {
    models: 'RoBERTa',
    triedWith: tiny,
    refuses: 'decoders, relative positions',
  }),
  smollm3: family(smollm3Config, smollm3, {
    models: 'SmolLM3',
    triedWith: tiny,
    refuses: `other activations than silu, ${ropes}`,
  }),
  starcoder2: family(starcoder2Config, starcoder2, {
    models: 'StarCoder2',
    triedWith: tiny,
    refuses: `layer_types, other norms than layer_norm, ${ropes}`,
  }),
  t5: family(t5Config, t5, {
    models: 'T5, T5 1.1, Flan-T5',
    triedWith: tiny,
    refuses: 'other feed-forwards than relu and gated-gelu',
  }),
  'xlm-roberta': family(robertaConfig, roberta, {
    models: 'XLM-RoBERTa',
    triedWith: "RoBERTa's tiny under its name",
    refuses: 'decoders, relative positions',
  }),
} satisfies Record<FamilyName, Family>;

/** The model types of config.json that are built. */
export const familyNames = Object.keys(families) as (keyof typeof families)[];

/**
 * What a config.json describes; `ownHead` says whether the output has a weight of its own, where a
 * checkpoint's tensors tell. Throws UsageError where the architecture or a setting of it is not built.
 */
export function describeArchitecture(config: unknown, where: string, ownHead?: boolean): Architecture {
  const type = z.looseObject({ model_type: z.string() }).safeParse(config);
  if (!type.success)
    throw new UsageError(`${where} names no model_type; it must be one of ${familyNames.join(', ')}.`);
  const name = familyNames.find((known) => known === type.data.model_type);
  if (!name) {
    throw new UsageError(
      `${where} is of architecture "${type.data.model_type}"; deltabench has ${familyNames.join(', ')}.`,
    );
  }
  return families[name].read(config, where, ownHead);
}
