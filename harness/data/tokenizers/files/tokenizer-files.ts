/** What the files of a tokenizer's folder say, before they are combined to one tokenizer. */
import type { JsonObject } from '../../../support/json-object.ts';
import type { TokenizerClass } from '../classes/tokenizer-class.ts';

/** A JSON file that holds an object. */
export interface NamedObject {
  readonly path: string;
  readonly content: JsonObject;
}

/** The files as read, with their paths for messages. */
export interface TokenizerFiles {
  /** The file that holds the vocabulary. */
  readonly path: string;
  /** The content of tokenizer.json, or the one that another form of a vocabulary is converted to. */
  readonly json: JsonObject;
  /** Whether `json` was read from a tokenizer.json. */
  readonly isTokenizerJson: boolean;
  /** A SentencePiece model's user-defined tokens, which are matched in a text before it is split. */
  readonly pieces?: readonly JsonObject[];
  /** tokenizer_config.json, special_tokens_map.json and added_tokens.json; undefined where the folder lacks one. */
  readonly config?: NamedObject | undefined;
  readonly specialTokens?: NamedObject | undefined;
  readonly addedTokens?: NamedObject | undefined;
  /** The class that the files name; without one, `json` is used as it is. */
  readonly tokenizerClass?: TokenizerClass | undefined;
}
