/**
 * The form of a tokenizer class of transformers 5. Such a class builds the tokenizer anew: it takes
 * vocabulary and merges of tokenizer.json (some classes its post-processor too), ignores the other components
 * and sets its own.
 */
import type { JsonObject } from '../../../support/json/json-object.ts';

/** The parts of a folder's files that a class reads. */
export interface ClassInput {
  readonly vocab: unknown;
  readonly merges: readonly unknown[];
  /** The content of tokenizer_config.json. */
  readonly settings: Readonly<JsonObject>;
  /** Returns the special token of a role such as `bos_token`; undefined where the role has none. */
  readonly token: (role: string) => string | undefined;
  /** SentencePiece's character map in base64; undefined where the files have none. */
  readonly charactersMap: string | undefined;
  /** The unknown piece's id in a SentencePiece model; undefined where the vocabulary is of another file. */
  readonly unknownId: number | undefined;
}

/** One tokenizer class, such as BertTokenizer. */
export interface TokenizerClass {
  /** Default special tokens by role, used where the files name none; null for a role without a default. */
  readonly tokens: Readonly<Record<string, string | null>>;
  /** Builds the fields model, normalizer, pre_tokenizer and decoder of tokenizer.json. */
  readonly components: (input: ClassInput) => JsonObject;
  /**
   * Lists the extra special tokens where the files list none. `pieces` are the user-defined and control
   * pieces of a SentencePiece model; a class without this function takes `pieces` alone.
   */
  readonly extraTokens?: (settings: Readonly<JsonObject>, pieces: readonly unknown[]) => readonly unknown[];
  /**
   * True where the class adds its special tokens a second time, which sets their lstrip and rstrip to false.
   */
  readonly addsSpecialAgain?: true;
  /** Builds the post_processor that replaces the files' own; a class without this function keeps theirs. */
  readonly postProcessor?: (
    input: Pick<ClassInput, 'token' | 'settings'>,
    id: (token: string) => number,
  ) => JsonObject;
  /** True where the post-processor yields to that of a tokenizer.json and to add_bos_token and add_eos_token. */
  readonly yields?: true;
}
