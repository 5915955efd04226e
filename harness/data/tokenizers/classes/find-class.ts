/** Finds the tokenizer class that a folder's files name, among the classes of transformers 5 known here. */
import { bert } from './bert.ts';
import { deberta, gpt2, qwen2, roberta } from './byte-level.ts';
import { debertaV2, llama, t5 } from './sentencepiece.ts';
import type { TokenizerClass } from './tokenizer-class.ts';

const classes: Readonly<Record<string, TokenizerClass>> = {
  GPT2Tokenizer: gpt2,
  RobertaTokenizer: roberta,
  DebertaTokenizer: deberta,
  Qwen2Tokenizer: qwen2,
  BertTokenizer: bert,
  DistilBertTokenizer: bert,
  MobileBertTokenizer: bert,
  SqueezeBertTokenizer: bert,
  LlamaTokenizer: llama,
  T5Tokenizer: t5,
  DebertaV2Tokenizer: debertaV2,
};

/** The class of each model_type of config.json, for folders that name no tokenizer class. */
const classOfModel: Readonly<Record<string, TokenizerClass>> = { gpt2, roberta, bert, t5 };

/**
 * Finds the class by a name such as BertTokenizerFast, or without a name by the model type. Returns undefined
 * for an unknown class; its tokenizer.json is then used unchanged.
 */
export function tokenizerClass(name: unknown, modelType: unknown): TokenizerClass | undefined {
  return typeof name === 'string' ? find(classes, name.replace(/Fast$/, '')) : find(classOfModel, modelType);
}

const find = <T>(table: Readonly<Record<string, T>>, key: unknown): T | undefined =>
  typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined;
