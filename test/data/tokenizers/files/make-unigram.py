"""Writes unigram.model (SentencePiece) with a map of characters of its own, unigram.json, which lays it out as transformers 5 does T5's, and unigram-golden.json.

The golden names the versions; sentencepiece's protobuf classes need the package protobuf."""
import io, json, random, tempfile
import sentencepiece as spm, tokenizers
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

random.seed(1)
syllables = ['ba', 'ne', 'ti', 'ko', 'lu', 'sha', 'er', 'ing', 'qui', 'x', 'ö', 'ñe']
words = [''.join(random.choices(syllables, k=random.randint(1, 4))) for _ in range(400)]
lines = [' '.join(random.choices(words, [1 / (i + 1) for i in range(400)], k=8)) + random.choice(['.', '!', ', 12', ' (3)', '?']) for _ in range(3000)]
# A few rules of each kind: one character to several, several to one, to a space, to nothing.
rules = [('\ufb01', 'fi'), ('\uff21', 'A'), ('\u00a0', ' '), ('\u3000', ' '), ('\t', ' '), ('\n', ' '), ('\u200b', ' '), ('\u00ad', ''),
         ('e\u0301', '\u00e9'), ('o\u0308', '\u00f6'), ('\u00bd', '1/2'), ('\u2460', '1'), ('\u212b', '\u00e5'), ('\uff5e', '~')]
with tempfile.NamedTemporaryFile('w', suffix='.tsv', delete=False) as f:
    for a, b in rules:
        f.write(' '.join(f'{ord(c):X}' for c in a) + '\t' + ' '.join(f'{ord(c):X}' for c in b) + '\n')
model = io.BytesIO()
spm.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_writer=model, vocab_size=300, model_type='unigram', hard_vocab_limit=False,
    normalization_rule_tsv=f.name, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, pad_piece='<pad>', minloglevel=2)
open('unigram.model', 'wb').write(model.getvalue())
from sentencepiece import sentencepiece_model_pb2 as pb
proto = pb.ModelProto.FromString(model.getvalue())
extra = [f'<extra_id_{i}>' for i in range(3, -1, -1)]
vocab = [(p.piece, p.score) for p in proto.pieces] + [(t, 0.0) for t in extra]
t = Tokenizer(Unigram(vocab, unk_id=2, byte_fallback=False))
t.normalizer = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)
t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement='▁', prepend_scheme='always')])
t.decoder = decoders.Metaspace(replacement='▁', prepend_scheme='always')
t.post_processor = processors.TemplateProcessing(single=['$A', '</s>'], pair=['$A', '</s>', '$B', '</s>'], special_tokens=[('</s>', 1)])
t.add_special_tokens(['<pad>', '</s>', '<unk>'] + extra)
texts = ['bane tiko!', '  lu  shaer\ting ', 'quix (3), 12', 'ban\u00e9 bane\u0301 o\u0308 \u00f6 ko\u0308', '\ufb01\uff21\u00bd \u2460\u212b', 'a\u00a0b\u3000c\u200bd\u00ade',
  'unknown \u4e2d\u6587 zzz', '\u4e2d', '', ' ', '\n', 'bane</s>tiko', '<extra_id_0> ba <extra_id_1>', 'B A N E', 'ti\u0327e\u0301ko', '\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 lu', '~\uff5e~', 'ing\r\nlu', '\u2581ba\u2581', '</s', 'ñeñe ñe', 'e\u0301\u0301 e\u0302\u0301']
texts += [' '.join(random.choices(words, k=5)) + random.choice(['.', ' \u00bd', 'é']) for _ in range(20)]
out = {'made_with': {'sentencepiece': spm.__version__, 'tokenizers': tokenizers.__version__},
  'cases': [{'text': x, 'ids': t.encode(x, add_special_tokens=False).ids, 'with_special': t.encode(x).ids, 'decoded': t.decode(t.encode(x).ids, skip_special_tokens=True)} for x in texts]}
t.save('unigram.json', pretty=False)
json.dump(out, open('unigram-golden.json', 'w'), ensure_ascii=False, indent=1)
