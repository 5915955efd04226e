import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeSafetensors } from '../../harness/data/formats/safetensors.ts';
import { describeArchitecture } from '../../harness/models/families/registry.ts';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';

/** Words that the tokenizer of the tiny encoder knows. */
export const words = [
  'good',
  'bad',
  'tea',
  'cat',
  'the',
  'was',
  'very',
  'rain',
  '1',
  '2',
  '3',
  '4',
  '5',
  '6',
  '7',
  '8',
];

const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]'];
const config = {
  model_type: 'bert',
  vocab_size: special.length + words.length,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 32,
  max_position_embeddings: 16,
  type_vocab_size: 2,
  hidden_dropout_prob: 0.1,
  attention_probs_dropout_prob: 0.1,
  initializer_range: 0.3,
};

/**
 * A BERT of random weights in Hugging Face layout, with 16 positions and a word-piece tokenizer for pairs.
 */
export async function writeTinyEncoder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const write = (name: string, value: object) => writeFile(join(folder, name), JSON.stringify(value));
  await write('config.json', config);
  const vocabulary = [...special, ...words];
  const token = (id: string, type: number) => ({ SpecialToken: { id, type_id: type } });
  const sequence = (id: string, type: number) => ({ Sequence: { id, type_id: type } });
  const [start, first, end] = [token('[CLS]', 0), sequence('A', 0), token('[SEP]', 0)];
  await write('tokenizer.json', {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      special: true,
      normalized: false,
      single_word: false,
      lstrip: false,
      rstrip: false,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [start, first, end],
      pair: [start, first, end, sequence('B', 1), token('[SEP]', 1)],
      special_tokens: Object.fromEntries(
        ['[CLS]', '[SEP]'].map((id) => [id, { id, ids: [vocabulary.indexOf(id)], tokens: [id] }]),
      ),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocabulary.map((word, id) => [word, id])),
    },
  });
  const architecture = describeArchitecture(config, 'the tiny encoder');
  const tensors = Object.entries(architecture.shapes).map(([name, shape]) => {
    const size = shape.reduce((product, n) => product * n, 1);
    const initial = architecture.initial(name);
    const data =
      initial.kind === 'constant'
        ? new Float32Array(size).fill(initial.value)
        : randomStream(5, name).normal(size, 0, initial.deviation);
    return [name, { shape, data }] as const;
  });
  await writeSafetensors(join(folder, 'model.safetensors'), Object.fromEntries(tensors));
}
