/**
 * What a tokenizer class of transformers 5 decides. Such a class builds the tokenizer anew: of a
 * tokenizer.json it takes
 * vocabulary and merges (some classes also the post-processor), ignores the other components, and sets its own.
 */
import type { JsonObject } from '../../../support/json-object.ts';

/** The parts of a folder's files that a class reads. */
export interface ClassInput {
  readonly vocab: unknown;
  readonly merges: readonly unknown[];
  /** The content of tokenizer_config.json. */
  readonly settings: Readonly<JsonObject>;
  /** The special token of a role such as `bos_token`; undefined where the role has none. */
  readonly token: (role: string) => string | undefined;
  /** SentencePiece's character map in base64; undefined where the files have none. */
  readonly charactersMap: string | undefined;
}

/** One class, such as BertTokenizer. */
export interface TokenizerClass {
  /** Default special tokens by role, for files that name none; null for a role without a default. */
  readonly tokens: Readonly<Record<string, string | null>>;
  /** The fields model, normalizer, pre_tokenizer and decoder of the tokenizer.json that the class builds. */
  readonly components: (input: ClassInput) => JsonObject;
  /**
   * Default extra special tokens, for files that list none; `pieces` are those of a SentencePiece model. A
   * class without this
   * takes `pieces`.
   */
  readonly extraTokens?: (settings: Readonly<JsonObject>, pieces: readonly unknown[]) => readonly unknown[];
  /** Present where the class adds its special tokens a second time, which resets their lstrip and rstrip to false. */
  readonly addsSpecialAgain?: true;
  /** The post_processor, which replaces that of the files; a class without this keeps theirs. */
  readonly postProcessor?: (
    input: Pick<ClassInput, 'token' | 'settings'>,
    id: (token: string) => number,
  ) => JsonObject;
}
