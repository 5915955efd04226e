/** The content of a tokenizer folder's files before combine-files.ts combines them to one tokenizer. */
import type { JsonObject } from '../../../support/json/json-object.ts';
import type { TokenizerClass } from '../classes/tokenizer-class.ts';

/** The content of a JSON file that holds an object, with the file's path for messages. */
export interface NamedObject {
  readonly path: string;
  readonly content: JsonObject;
}

/** The files as read, with their paths for messages. */
export interface TokenizerFiles {
  /** The path of the file that holds the vocabulary. */
  readonly path: string;
  /** The content of tokenizer.json, or the tokenizer.json that another vocabulary file was converted to. */
  readonly json: JsonObject;
  /** Whether `json` was read from a tokenizer.json. */
  readonly isTokenizerJson: boolean;
  /**
   * A SentencePiece model's control and user-defined pieces, which are matched in a text before it is split.
   */
  readonly pieces?: readonly JsonObject[];
  /** The unknown piece's id in a SentencePiece model. */
  readonly unknownId?: number;
  /**
   * tokenizer_config.json, special_tokens_map.json and added_tokens.json; undefined for a file that is not
   * there.
   */
  readonly config?: NamedObject | undefined;
  readonly specialTokens?: NamedObject | undefined;
  readonly addedTokens?: NamedObject | undefined;
  /** The class that the files name; without one, `json` is used unchanged. */
  readonly tokenizerClass?: TokenizerClass | undefined;
}
