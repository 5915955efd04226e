/** Finds the tokenizer class that AutoTokenizer of transformers 5.24 takes for a folder. */
import { UsageError } from '../../../support/errors.ts';
import { bert } from './bert.ts';
import { deberta, gpt2, gptNeox, qwen2, roberta } from './byte-level.ts';
import { albert, debertaV2, gemma, llama, t5, xlmRoberta } from './sentencepiece.ts';
import type { TokenizerClass } from './tokenizer-class.ts';

/** The classes known here by their names in transformers, with its other names for them. */
const classes: Readonly<Record<string, TokenizerClass>> = {
  GPT2Tokenizer: gpt2,
  GPTNeoXTokenizer: gptNeox,
  RobertaTokenizer: roberta,
  BartTokenizer: roberta,
  LEDTokenizer: roberta,
  LongformerTokenizer: roberta,
  MvpTokenizer: roberta,
  DebertaTokenizer: deberta,
  Qwen2Tokenizer: qwen2,
  BertTokenizer: bert,
  DistilBertTokenizer: bert,
  ElectraTokenizer: bert,
  LayoutLMTokenizer: bert,
  LxmertTokenizer: bert,
  MobileBertTokenizer: bert,
  SqueezeBertTokenizer: bert,
  LlamaTokenizer: llama,
  GemmaTokenizer: gemma,
  T5Tokenizer: t5,
  XLMRobertaTokenizer: xlmRoberta,
  DebertaV2Tokenizer: debertaV2,
  AlbertTokenizer: albert,
};

/** Further classes of transformers 5.24 that put components of their own in place of the file's. */
const unknownClasses = new Set(
  (
    'Barthez Bartpho BertGeneration BertJapanese Bertweet BigBird BioGpt Blenderbot ' +
    'BlenderbotSmall ByT5 CLIP CTRL Camembert Canine Clvp CodeGen CodeLlama Cohere ConvBert Cpm CpmAnt ' +
    'DPRContextEncoder DPRQuestionEncoder DPRReader Dia Esm Esmc FNet FSMT FastSpeech2Conformer Flaubert ' +
    'Funnel GPTNeoXJapanese GPTSw3 Herbert Lasr LayoutLMv2 LayoutLMv3 LayoutXLM Luke M2M100 MBart MBart50 ' +
    'MLuke MPNet Marian MarkupLM Mgpstr MyT5 Nllb Nougat OpenAIGPT PLBart Pegasus Perceiver Phobert ' +
    'ProphetNet Qwen3_5 Reformer RemBert RoCBert RoFormer SeamlessM4T Siglip Siglip2 Speech2Text SpeechT5 ' +
    'Splinter Tapas Tipsv2 Udop VideoPrism Vits Wav2Vec2CTC Wav2Vec2PhonemeCTC Whisper XGLM XLM XLNet'
  )
    .split(' ')
    .map((name) => `${name}Tokenizer`),
);

/** The class of each model_type of config.json, for folders that name no tokenizer class. */
const classOfModel: Readonly<Record<string, TokenizerClass>> = {
  gpt2,
  opt: gpt2,
  starcoder2: gpt2,
  gpt_neox: gptNeox,
  qwen2,
  qwen3: qwen2,
  roberta,
  bart: roberta,
  bert,
  distilbert: bert,
  electra: bert,
  deberta,
  'deberta-v2': debertaV2,
  albert,
  t5,
  mt5: t5,
  gemma,
  gemma2: gemma,
  gemma3_text: gemma,
  'xlm-roberta': xlmRoberta,
};

/**
 * Values of model_type with which transformers uses a tokenizer.json unchanged, whatever class the files name
 * (TOKENIZER_MAPPING_NAMES of its tokenization_auto.py).
 */
const unchangedModels = new Set(
  (
    'EvollaModel arctic aria beam bigbird_pegasus camembertv2-base canary chatlm cohere_asr ernie4_5 ernie4_5_moe ' +
    'flex_olmo fuyu glm glm4 glm4_moe glm4_moe_lite glm4v glm4v_moe glm_image glmasr got_ocr2 gpt_bigcode ' +
    'gradium_phonon_tts granite granitemoe granitemoehybrid granitemoeshared h2ovl_chat hyperclovax ' +
    'hyperclovax_vlm internlm2 internlm3 iquestcoder jamba kimi_k25 kimi_linear kosmos-2 llava llava_next ' +
    'mimo_v2_flash minicpm3 minicpm_ocr minicpmv minicpmv4_6 minicpmv4_7 minimax_m2 ministral ministral3 mistral ' +
    'mistral3 mistral_large4 mixtral modernbert modernbert-decoder molmo molmo2 nemo_speechlm nemotron nvfp4 ' +
    'nystromformer olmo2 olmo3 olmo_hybrid omniasr opencua openvla paddleocr_vl pegasus_x persimmon phi3 phi3_v ' +
    'phimoe pix2struct pixtral pocket_tts smolvlm stablelm step3_vl umt5 vipllava voxtral voxtral_realtime ' +
    'xlm-roberta-xl'
  ).split(' '),
);

/** What the files of a folder say of its tokenizer's class. */
export interface NamedClass {
  /** The class that tokenizer_config.json names, else the one that config.json names. */
  readonly name: unknown;
  /** `model_type` of config.json. */
  readonly modelType: unknown;
  /** Whether there is a tokenizer.json that works on bytes. */
  readonly isByteLevel: boolean;
  /** The file that names the class, for the message. */
  readonly path: string;
}

/**
 * Finds the class by its name, such as BertTokenizerFast, and by the model type, which may overrule it. Returns
 * undefined where transformers uses the vocabulary's file unchanged. Throws UsageError for a class of
 * transformers that is not known here.
 */
export function tokenizerClass({
  name,
  modelType,
  isByteLevel,
  path,
}: NamedClass): TokenizerClass | undefined {
  if (typeof name !== 'string') return find(classOfModel, modelType);
  // transformers takes every class that a Qwen 2 names for a slip.
  if (modelType === 'qwen2') return qwen2;
  const bare = name.replace(/Fast$/, '');
  const isUnchanged = typeof modelType === 'string' && unchangedModels.has(modelType);
  if (isUnchanged || (bare === 'LlamaTokenizer' && isByteLevel)) return undefined;
  if (!unknownClasses.has(bare)) return find(classes, bare);
  throw new UsageError(
    `${path} names the class ${name}, which puts parts of its own in place of those in the tokenizer's file and is ` +
      'not known here. Where the file is to count as it is, name PreTrainedTokenizerFast there.',
  );
}

const find = <T>(table: Readonly<Record<string, T>>, key: unknown): T | undefined =>
  typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined;
