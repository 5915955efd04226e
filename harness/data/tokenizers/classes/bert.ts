/** The tokenizer class of BERT and of the models that share its WordPiece. */
import { flag, vocabularyOf } from './components.ts';
import { bertTemplate, required } from './templates.ts';
import type { TokenizerClass } from './tokenizer-class.ts';

/** BERT's special tokens by role; DeBERTa and DeBERTa 2 have the same. */
export const bertTokens = {
  unk_token: '[UNK]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  cls_token: '[CLS]',
  mask_token: '[MASK]',
};

/** The class BertTokenizer: WordPiece, on lower-cased text by default. */
export const bert: TokenizerClass = {
  tokens: bertTokens,
  components: ({ vocab, settings, token }) => ({
    model: {
      type: 'WordPiece',
      unk_token: String(token('unk_token')),
      vocab: vocabularyOf(vocab),
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
    },
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: flag(settings.tokenize_chinese_chars, true),
      strip_accents: settings.strip_accents ?? null,
      lowercase: flag(settings.do_lower_case, true),
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  }),
  postProcessor: ({ token }, id) =>
    bertTemplate(required(token, 'cls_token'), required(token, 'sep_token'), id),
};
