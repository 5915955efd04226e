/** Which tokenizer class of transformers 5 a folder's files name. */
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

/** Classes by config.json's model_type, for folders that name no class. */
const classOfModel: Readonly<Record<string, TokenizerClass>> = { gpt2, roberta, bert, t5 };

/**
 * The class of a name such as BertTokenizerFast, or else of a model type; undefined where none is known, and
 * a tokenizer.json
 * is then used as it is.
 */
export function tokenizerClass(name: unknown, modelType: unknown): TokenizerClass | undefined {
  return typeof name === 'string' ? find(classes, name.replace(/Fast$/, '')) : find(classOfModel, modelType);
}

const find = <T>(table: Readonly<Record<string, T>>, key: unknown): T | undefined =>
  typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined;
