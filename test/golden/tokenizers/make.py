"""Makes the goldens of test/data/tokenizers/agree-with-rust.test.ts: tiny tokenizers of made-up words, with every component and option of
Hugging Face's tokenizers, and folders whose files contradict each other, as AutoTokenizer reads them.

python make.py FOLDER [TEXTS]   (tokenizers 0.23.3, transformers 5.24.0, sentencepiece 0.2.2 or later)

Writes FOLDER/cases.json (texts, models, contents of files, and which of them each case has) and FOLDER/golden.json: of each case eight hexadecimal
digits a text, of the sha256 of the JSON list [ids, ids with special tokens, ids of a pair with the next text that is not empty, its types, the
text of the first ids, that of the second without special tokens]; or the error. 40 texts are kept in the repository; the
differential test ran on 300 (DELTABENCH_TOKENIZER_GOLDENS=FOLDER npx vitest run test/data/tokenizers/agree-with-rust.test.ts).
"""

import base64
import io
import itertools
import json
import os
import random
import sys

import sentencepiece
from tokenizers import Tokenizer, models, pre_tokenizers, trainers, normalizers, decoders
from goldens import write_goldens

folder = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 40
here = os.path.dirname(os.path.abspath(__file__))
rng = random.Random(7)

# Made-up words of many scripts, and what tokenizers trip over.
syllables = ["ba", "ko", "mi", "tru", "sel", "an", "or", "wen", "lu", "st", "qui", "ing"]
others = (
    "café naïve Über straße ΣΟΦΟΣ σοφός Москва Ёлка İstanbul ﬁne ｆｕｌｌ ½ ² Ⅷ ٣٤ 東京都 서울 สวัสดี مرحبا שלום नमस्ते e\u0301 "
    "don't we're I'm they've it's 'tis can't x_1 __ a-b semi;colon 3.14 1,000 12345 C++ #tag @me 50% $9 €8 …"
    " “quoted” ‘so’ — – ¿qué? ¡no! (a) [b] {c} a/b \\ ~ ^ `t` | <s> </s> [CLS] [MASK] <mask> <|endoftext|> <pad> [SEP] <unk> "
    "foo foobar Foo 🙂 👩‍👩‍👧 🏳️‍🌈 ▁ ▁a ## ##ing ﷺ ǆ ŉ ẞ K Å ﬃ ① ㎏ ゛"
).split(" ")
spaces = [" "] * 12 + ["  ", "   ", "\n", "\t", "\r\n", "\u00a0", "\u3000", "\u2009", "\u0085", "\u200b", "\ufeff", "\u2028", ""]
controls = ["\u0000", "\u0007", "\u00ad", "\ufffd", "\u200d", "\u001c", "\u007f"]


def word():
    made = "".join(rng.choice(syllables) for _ in range(rng.randint(1, 4)))
    return rng.choice([made, made, made.capitalize(), made.upper()])


def text():
    parts = []
    for _ in range(rng.randint(1, 12)):
        kind = rng.random()
        parts.append(word() if kind < 0.45 else rng.choice(others) if kind < 0.95 else rng.choice(controls))
        parts.append(rng.choice([".", "!", "?", ",", "!!", "?!", " .", " ,", "'s"]) if rng.random() < 0.2 else "")
        parts.append(rng.choice(spaces))
    made = "".join(parts)
    return made if rng.random() < 0.4 else made.strip(" ")


fixed = ["", " ", "a", " a", "a ", "hello world", "Hello  World!!", "foobar foo food", "\n\n x", "a<|endoftext|>b", "<mask> it"]
texts = fixed + [text() for _ in range(count)]
texts = texts[:count]
corpus = [" ".join(word() for _ in range(12)) for _ in range(400)] + texts

# Models ----------------------------------------------------------------------------------------------------------------


def trained(model, trainer, split=None, normalizer=None):
    tokenizer = Tokenizer(model)
    if split:
        tokenizer.pre_tokenizer = split
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.train_from_iterator(corpus, trainer)
    return json.loads(tokenizer.to_str())["model"]


def byte_pairs(special):
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=380, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    return trained(models.BPE(), trainer, pre_tokenizers.ByteLevel(add_prefix_space=False))


bert_special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
roberta_special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
word_pieces = trained(
    models.WordPiece(unk_token="[UNK]"),
    trainers.WordPieceTrainer(vocab_size=420, special_tokens=bert_special, show_progress=False, limit_alphabet=120),
    pre_tokenizers.BertPreTokenizer(),
)
unigram = trained(
    models.Unigram(),
    trainers.UnigramTrainer(vocab_size=260, special_tokens=["<pad>", "</s>", "<unk>", "<s>"], unk_token="<unk>", show_progress=False),
    pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
)
deberta_v2 = {**unigram, "unk_id": 3, "vocab": [["[PAD]", 0.0], ["[CLS]", 0.0], ["[SEP]", 0.0], ["[UNK]", 0.0]] + unigram["vocab"][4:] + [["[MASK]", 0.0]]}
bytes_first = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
llama = trained(
    models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True),
    trainers.BpeTrainer(vocab_size=480, special_tokens=bytes_first, show_progress=False, limit_alphabet=80),
    pre_tokenizers.Metaspace(split=False),
    normalizers.Replace(" {2,}", " "),
)
# Every character of the texts and of their rewritten forms, at the beginning of a word and inside: shows where words end.
forms = [f(t) for t in texts for f in (str, str.lower, str.upper)]
forms += [n.normalize_str(t) for t in forms for n in (normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD())]
characters = sorted({c for t in forms for c in t} | set(pre_tokenizers.ByteLevel.alphabet()) | {"▁"})
every = {t: i for i, t in enumerate(bert_special + characters + ["##" + c for c in characters])}
chars = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 400, "vocab": every}
words = {"type": "WordLevel", "unk_token": "[UNK]", "vocab": {t: i for i, t in enumerate(bert_special + sorted({w for t in texts for w in t.split()}))}}
suffix = trained(
    models.BPE(unk_token="[UNK]", end_of_word_suffix="</w>"),
    trainers.BpeTrainer(vocab_size=400, special_tokens=bert_special, end_of_word_suffix="</w>", show_progress=False, limit_alphabet=100),
    pre_tokenizers.BertPreTokenizer(),
)
prefixed = trained(
    models.BPE(unk_token="[UNK]", continuing_subword_prefix="##"),
    trainers.BpeTrainer(vocab_size=400, special_tokens=bert_special, continuing_subword_prefix="##", show_progress=False, limit_alphabet=100),
    pre_tokenizers.BertPreTokenizer(),
)
gpt2 = byte_pairs(["<|endoftext|>"])
roberta = byte_pairs(roberta_special)
deberta = byte_pairs(["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"])
neox = byte_pairs(["<|endoftext|>", "<|padding|>"])
xlm_roberta_first = [["<s>", 0.0], ["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0]]
xlm_roberta = {**unigram, "unk_id": 3, "vocab": xlm_roberta_first + unigram["vocab"][4:] + [["<mask>", 0.0]]}
gemma_names = {"<s>": "<bos>", "</s>": "<eos>"}
gemma_vocab = ["<pad>"] + [gemma_names.get(t, t) for t in sorted(llama["vocab"], key=llama["vocab"].get)]
gemma = {**llama, "vocab": {t: i for i, t in enumerate(gemma_vocab)}}
all_models = dict(
    chars=chars, words=words, wordpiece=word_pieces, unigram=unigram, debertaV2=deberta_v2, llama=llama, suffix=suffix,
    prefixed=prefixed, gpt2=gpt2, roberta=roberta, deberta=deberta, neox=neox, xlmRoberta=xlm_roberta, gemma=gemma,
)

# Components ------------------------------------------------------------------------------------------------------------

cases = {}


def added(contents, model, **flags):
    vocab = model["vocab"]
    ids = vocab if isinstance(vocab, dict) else {t: i for i, (t, _) in enumerate(vocab)}
    next_id, made = len(ids), []
    for content in contents:
        given = ids.get(content)
        if given is None:
            given, next_id = next_id, next_id + 1
        base = dict(id=given, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
        made.append({**base, **flags})
    return made


def case(name, model, special=(), config=None, options=None, **parts):
    json_parts = dict(
        version="1.0", truncation=None, padding=None, added_tokens=added(special, all_models[model]), normalizer=None,
        pre_tokenizer=None, post_processor=None, decoder=None,
    )
    json_parts.update(parts)
    json_parts["model"] = {"model": model, **(options or {})}
    assert name not in cases, name
    cases[name] = {"files": {"tokenizer.json": json_parts, **({"tokenizer_config.json": config} if config else {})}}


def byte_level(**options):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True, **options}


def metaspace(scheme="always", split=True):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}


def sequence_of(kind, key, *parts):
    return {"type": "Sequence", key: list(parts)}


behaviors = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
llama3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
splits = {"none": None, "bert": {"type": "BertPreTokenizer"}, "whitespace": {"type": "Whitespace"}}
splits["whitespace-split"] = {"type": "WhitespaceSplit"}
splits["unicode-scripts"] = {"type": "UnicodeScripts"}
splits["delimiter"] = {"type": "CharDelimiterSplit", "delimiter": "-"}
splits["fixed-length"] = {"type": "FixedLength", "length": 5}
for flag in (False, True):
    splits[f"digits-{flag}"] = {"type": "Digits", "individual_digits": flag}
    for regex in (False, True):
        splits[f"byte-level-{flag}-{regex}"] = byte_level(add_prefix_space=flag, use_regex=regex)
    for scheme in ("always", "first", "never"):
        splits[f"metaspace-{scheme}-{flag}"] = metaspace(scheme, flag)
for behavior in behaviors:
    splits[f"punctuation-{behavior}"] = {"type": "Punctuation", "behavior": behavior}
    for invert in (False, True):
        for kind, pattern in [("space", {"String": " "}), ("words", {"Regex": r"\w+|[^\w\s]+"}), ("llama3", {"Regex": llama3}), ("digit", {"Regex": r"\d"})]:
            splits[f"split-{kind}-{behavior}-{invert}"] = {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
splits["sequence"] = sequence_of("pre", "pretokenizers", splits["whitespace-split"], splits["punctuation-Isolated"], splits["digits-True"])
splits["sequence-t5"] = sequence_of("pre", "pretokenizers", splits["whitespace-split"], metaspace())
splits["sequence-qwen"] = sequence_of("pre", "pretokenizers", splits["split-llama3-Isolated-False"], byte_level(use_regex=False))
for name, split in splits.items():
    case(f"pre_tokenizer {name}", "chars", bert_special, pre_tokenizer=split)

unigram_file = json.load(open(os.path.join(here, "../../data/tokenizers/files/unigram.json"), encoding="utf-8"))
rewrites = {n.lower(): {"type": n} for n in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel")}
rewrites["precompiled"] = unigram_file["normalizer"]
rewrites["prepend"] = {"type": "Prepend", "prepend": "▁"}
rewrites["replace-string"] = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
rewrites["replace-regex"] = {"type": "Replace", "pattern": {"Regex": r"\s{2,}|[\n\r\t]"}, "content": " "}
for left, right in itertools.product((False, True), repeat=2):
    rewrites[f"strip-{left}-{right}"] = {"type": "Strip", "strip_left": left, "strip_right": right}
for clean, chinese, accents, lower in itertools.product((False, True), (False, True), (None, False, True), (False, True)):
    rewrites[f"bert-{clean}-{chinese}-{accents}-{lower}"] = {
        "type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese, "strip_accents": accents, "lowercase": lower,
    }
rewrites["sequence"] = sequence_of("n", "normalizers", {"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}, rewrites["strip-True-True"])
rewrites["sequence-llama"] = sequence_of("n", "normalizers", rewrites["prepend"], rewrites["replace-string"])
for name, normalizer in rewrites.items():
    case(f"normalizer {name}", "chars", bert_special, normalizer=normalizer, pre_tokenizer={"type": "WhitespaceSplit"})
case("normalizer strip and metaspace first", "chars", bert_special, normalizer=rewrites["strip-True-True"], pre_tokenizer=metaspace("first", False))

strip = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
to_space = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
llama_decoder = sequence_of("d", "decoders", to_space, {"type": "ByteFallback"}, {"type": "Fuse"}, strip)
reads = {"none": None, "fuse": {"type": "Fuse"}, "byte-fallback": {"type": "ByteFallback"}, "byte-level": byte_level(), "replace": to_space}
reads["strip"] = {"type": "Strip", "content": "▁", "start": 1, "stop": 0}
reads["strip-end"] = {"type": "Strip", "content": "▁", "start": 0, "stop": 1}
reads["bpe"] = {"type": "BPEDecoder", "suffix": "</w>"}
for cleanup in (False, True):
    reads[f"word-piece-{cleanup}"] = {"type": "WordPiece", "prefix": "##", "cleanup": cleanup}
    reads[f"ctc-{cleanup}"] = {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": cleanup}
for scheme in ("always", "first", "never"):
    reads[f"metaspace-{scheme}"] = metaspace(scheme)
reads["sequence"] = llama_decoder
for name, decoder in reads.items():
    for model, split in [("wordpiece", {"type": "BertPreTokenizer"}), ("llama", metaspace()), ("gpt2", byte_level()), ("suffix", {"type": "Whitespace"})]:
        case(f"decoder {name} of {model}", model, pre_tokenizer=split, decoder=decoder)


def template(single, pair, ids):
    def piece(part):
        name, kind = part.rsplit(":", 1)
        if name in ("A", "B"):
            return {"Sequence": {"id": name, "type_id": int(kind)}}
        return {"SpecialToken": {"id": name, "type_id": int(kind)}}

    special = {n: {"id": n, "ids": i, "tokens": [n] * len(i)} for n, i in ids.items()}
    return {
        "type": "TemplateProcessing", "single": [piece(p) for p in single.split()], "pair": [piece(p) for p in pair.split()],
        "special_tokens": special,
    }


frames = {
    "bert": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
    "byte-level": byte_level(),
    "template": template("[CLS]:0 A:0 [SEP]:0", "[CLS]:0 A:0 [SEP]:0 B:1 [SEP]:1", {"[CLS]": [2], "[SEP]": [3]}),
    "template-two-ids": template("[CLS]:0 A:0", "[CLS]:2 A:1 B:0", {"[CLS]": [2, 4]}),
    "template-plain": template("A:0", "A:0 B:1", {}),
    "template-b-first": template("A:0", "B:0 A:1", {}),
}
for trim, prefix in itertools.product((False, True), repeat=2):
    frames[f"roberta-{trim}-{prefix}"] = {"type": "RobertaProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2], "trim_offsets": trim, "add_prefix_space": prefix}
frames["sequence"] = sequence_of("p", "processors", byte_level(), frames["template"])
for name, frame in frames.items():
    case(f"post_processor {name}", "wordpiece", bert_special, pre_tokenizer={"type": "BertPreTokenizer"}, post_processor=frame)

for single, left, right, normalized, special in itertools.product((False, True), repeat=5):
    flags = dict(single_word=single, lstrip=left, rstrip=right, normalized=normalized, special=special)
    tokens = added(bert_special, chars) + added(["foo", "ko", "über", "東京", "it"], chars, **flags)
    parts = dict(normalizer=rewrites["bert-True-True-None-True"], pre_tokenizer={"type": "BertPreTokenizer"}, decoder=reads["word-piece-True"])
    case(f"added {single}-{left}-{right}-{normalized}-{special}", "chars", added_tokens=tokens, **parts)
    for scheme in ("first", "always"):
        llama_tokens = added(["<s>", "</s>", "foo", "ko"], llama, **flags)
        case(f"added to llama {scheme} {single}-{left}-{right}-{normalized}-{special}", "llama", added_tokens=llama_tokens, pre_tokenizer=metaspace(scheme, False), decoder=llama_decoder)
    gpt2_tokens = added(["<|endoftext|>", "foo", "naïve", "ko"], gpt2, **flags)
    case(f"added to gpt2 {single}-{left}-{right}-{normalized}-{special}", "gpt2", added_tokens=gpt2_tokens, pre_tokenizer=byte_level(), decoder=byte_level())

for model, options in [
    ("gpt2", {"ignore_merges": True}), ("gpt2", {"dropout": 0.5}), ("llama", {"fuse_unk": False, "byte_fallback": False}), ("llama", {"byte_fallback": False}),
    ("llama", {"unk_token": None, "byte_fallback": False}), ("wordpiece", {"max_input_chars_per_word": 5}), ("unigram", {"byte_fallback": True}), ("unigram", {}), ("words", {}),
    ("suffix", {}), ("suffix", {"fuse_unk": True}), ("prefixed", {}), ("prefixed", {"fuse_unk": True}), ("llama", {"ignore_merges": True}),
]:
    split = {"gpt2": byte_level(), "llama": metaspace(), "unigram": splits["sequence-t5"], "words": {"type": "WhitespaceSplit"}}.get(model, {"type": "BertPreTokenizer"})
    case(f"model {model} {json.dumps(options)}", model, pre_tokenizer=split, options=options)

# Families as their files are, read with their classes --------------------------------------------------------------------

bert_files = dict(normalizer=rewrites["bert-True-True-None-True"], pre_tokenizer={"type": "BertPreTokenizer"}, post_processor=frames["template"], decoder=reads["word-piece-True"])
roberta_frame = {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 0], "trim_offsets": True, "add_prefix_space": False}
qwen_files = dict(normalizer={"type": "NFC"}, pre_tokenizer=splits["sequence-qwen"], post_processor=byte_level(), decoder=byte_level())
bos_template = template("<s>:0 A:0", "<s>:0 A:0 <s>:1 B:1", {"<s>": [1]})
eos_template = template("A:0 </s>:0", "A:0 </s>:0 B:0 </s>:0", {"</s>": [1]})
llama3_frame = sequence_of("p", "processors", byte_level(), template("<|endoftext|>:0 A:0", "<|endoftext|>:0 A:0 <|endoftext|>:1 B:1", {"<|endoftext|>": [0]}))
smol_split = sequence_of("pre", "pretokenizers", {"type": "Digits", "individual_digits": True}, byte_level())
families = {
    "GPT2Tokenizer": ("gpt2", ["<|endoftext|>"], dict(pre_tokenizer=byte_level(), decoder=byte_level(), post_processor=byte_level())),
    "RobertaTokenizer": ("roberta", roberta_special, dict(pre_tokenizer=byte_level(), decoder=byte_level(), post_processor=roberta_frame)),
    "BertTokenizer": ("wordpiece", bert_special, bert_files),
    "LlamaTokenizer": ("llama", ["<unk>", "<s>", "</s>"], dict(normalizer=rewrites["sequence-llama"], decoder=llama_decoder, post_processor=bos_template)),
    "Qwen2Tokenizer": ("gpt2", ["<|endoftext|>"], qwen_files),
    "T5Tokenizer": ("unigram", ["<pad>", "</s>", "<unk>"], dict(normalizer=rewrites["precompiled"], pre_tokenizer=splits["sequence-t5"], decoder=metaspace(), post_processor=eos_template)),
    "DebertaTokenizer": ("deberta", ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"], dict(pre_tokenizer=byte_level(), decoder=byte_level(), post_processor=template("[CLS]:0 A:0 [SEP]:0", "[CLS]:0 A:0 [SEP]:0 [SEP]:0 B:0 [SEP]:0", {"[CLS]": [0], "[SEP]": [2]}))),
    "DebertaV2Tokenizer": ("debertaV2", ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"], dict(normalizer=rewrites["precompiled"], pre_tokenizer=metaspace(), decoder=metaspace(), post_processor=template("[CLS]:0 A:0 [SEP]:0", "[CLS]:0 A:0 [SEP]:0 B:1 [SEP]:1", {"[CLS]": [1], "[SEP]": [2]}))),
    "GPTNeoXTokenizer": ("neox", ["<|endoftext|>", "<|padding|>"], dict(normalizer={"type": "NFC"}, pre_tokenizer=byte_level(), decoder=byte_level(), post_processor=byte_level())),
    "GemmaTokenizer": ("gemma", ["<pad>", "<bos>", "<eos>", "<unk>"], dict(normalizer=rewrites["replace-string"], pre_tokenizer=splits["split-space-MergedWithPrevious-False"], decoder=sequence_of("d", "decoders", to_space, {"type": "ByteFallback"}, {"type": "Fuse"}), post_processor=template("<bos>:0 A:0", "<bos>:0 A:0 <bos>:1 B:1", {"<bos>": [gemma["vocab"]["<bos>"]]}))),
    "XLMRobertaTokenizer": ("xlmRoberta", roberta_special, dict(normalizer=rewrites["precompiled"], pre_tokenizer=splits["sequence-t5"], decoder=metaspace(), post_processor=template("<s>:0 A:0 </s>:0", "<s>:0 A:0 </s>:0 </s>:0 B:0 </s>:0", {"<s>": [0], "</s>": [2]}))),
    "PreTrainedTokenizerFast": ("gpt2", ["<|endoftext|>"], dict(pre_tokenizer=smol_split, decoder=byte_level())),
    "PreTrainedTokenizerFast Llama 3": ("gpt2", ["<|endoftext|>"], dict(pre_tokenizer=splits["sequence-qwen"], decoder=byte_level(), post_processor=llama3_frame)),
}
token = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
settings = {
    "plain": {},
    "lower": {"do_lower_case": False},
    "lower-true": {"do_lower_case": True},
    "accents": {"strip_accents": False, "do_lower_case": True},
    "accents-true": {"strip_accents": True, "do_lower_case": False},
    "chinese": {"tokenize_chinese_chars": False},
    "prefix-space": {"add_prefix_space": True},
    "no-prefix-space": {"add_prefix_space": False},
    "bos-eos": {"add_bos_token": True, "add_eos_token": True},
    "no-bos": {"add_bos_token": False},
    "clean-up": {"clean_up_tokenization_spaces": True},
    "legacy": {"legacy": True},
    "punctuation": {"split_by_punct": True},
    "named": {"eos_token": "<|end|>", "pad_token": "[PAD]", "bos_token": {"__type": "AddedToken", "content": "<begin>", **{k: v for k, v in token.items() if k != "special"}}},
    "extra": {"additional_special_tokens": ["<user>", "ko"]},
    "extra-new": {"extra_special_tokens": ["<user>", "foo"]},
    "extra-named": {"image_token": "<image>", "extra_special_tokens": {"audio_token": "<audio>"}},
    "decoder": {"added_tokens_decoder": {"9000": {"content": "foo", **token, "rstrip": True}, "0": {"content": "ko", **token, "special": False, "normalized": True}}, "eos_token": "foo"},
    "split-special": {"split_special_tokens": True},
    "no-unk": {"unk_token": None},
}
for name, (model, special, parts) in families.items():
    tokenizer_class = name.split()[0]
    for setting, values in settings.items():
        case(f"{name} {setting}", model, special, config={"tokenizer_class": tokenizer_class, **values}, **parts)
    files = cases[f"{name} plain"]["files"]
    fast = {"tokenizer_class": tokenizer_class.removesuffix("Fast") + "Fast"}
    cases[f"{name} fast name"] = {"files": {**files, "tokenizer_config.json": fast}}
    mapped = {"special_tokens_map.json": {"pad_token": "foo", "eos_token": {"content": "ko", "single_word": True, "lstrip": True, "rstrip": False, "normalized": False}, "additional_special_tokens": ["<user>"]}}
    cases[f"{name} special map"] = {"files": {**files, **mapped}}
    cases[f"{name} special map against config"] = {"files": {**files, **mapped, "tokenizer_config.json": {"tokenizer_class": tokenizer_class, "pad_token": "a", "eos_token": "b"}}}
    cases[f"{name} special map beside decoder"] = {"files": {**files, **mapped, "tokenizer_config.json": {"tokenizer_class": tokenizer_class, **settings["decoder"]}}}
    cases[f"{name} added tokens"] = {"files": {**files, "added_tokens.json": {"foo": 5000, "<user>": 5001, "ko": 5003}}}
    cases[f"{name} added special tokens"] = {"files": {**files, "added_tokens.json": {"foo": 5000}, "tokenizer_config.json": {"tokenizer_class": tokenizer_class, "pad_token": "foo"}}}
    # A whole other pipeline in tokenizer.json than the class has.
    other = {**files["tokenizer.json"], "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"}, "decoder": {"type": "Fuse"}, "post_processor": None}
    cases[f"{name} another pipeline"] = {"files": {**files, "tokenizer.json": other}}
    cases[f"{name} length and rows"] = {"files": {**files, "tokenizer.json": {
        **files["tokenizer.json"],
        "truncation": {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0},
        "padding": {"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "a"},
    }}}
cases["LlamaTokenizer with bytes"] = {"files": {**cases["GPT2Tokenizer plain"]["files"], "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", "eos_token": "<|endoftext|>"}}}
for model_type in ("gpt2", "roberta", "bert", "t5", "llama"):
    name = {"gpt2": "GPT2Tokenizer", "roberta": "RobertaTokenizer", "bert": "BertTokenizer", "t5": "T5Tokenizer", "llama": "PreTrainedTokenizerFast Llama 3"}[model_type]
    own = {"tokenizer.json": cases[f"{name} another pipeline"]["files"]["tokenizer.json"], "config.json": {"model_type": model_type}}
    cases[f"config.json {model_type}"] = {"files": own}
    cases[f"config.json {model_type} names a class"] = {"files": {**own, "config.json": {"model_type": model_type, "tokenizer_class": "BertTokenizer"}}}

# The class that tokenizer_config.json names beside another model's config.json, and transformers' other names of classes.
pairs = [
    ("LlamaTokenizer", "mistral phi3 gemma llama qwen2"), ("GPT2Tokenizer", "olmo2 opt starcoder2 gpt_neox qwen2 qwen3 bert"), ("BertTokenizer", "modernbert albert gpt2"),
    ("PreTrainedTokenizerFast", "qwen2 qwen3 gpt_neox"), ("T5Tokenizer", "mt5 umt5"), ("GPTNeoXTokenizer", "olmo2 llama"), ("XLMRobertaTokenizer", "xlm-roberta-xl roberta"),
]
for name, model_types in pairs:
    for model_type in model_types.split():
        for pipeline in ["plain", "another pipeline"]:
            files = cases[f"{name} {pipeline}"]["files"]
            cases[f"{name} of {model_type} {pipeline}"] = {"files": {**files, "tokenizer_config.json": {"tokenizer_class": name}, "config.json": {"model_type": model_type}}}
for model_type, name in [("qwen2", "Qwen2Tokenizer"), ("qwen3", "Qwen2Tokenizer"), ("mt5", "T5Tokenizer"), ("gemma2", "GemmaTokenizer"), ("gpt_neox", "GPTNeoXTokenizer"), ("xlm-roberta", "XLMRobertaTokenizer"), ("opt", "GPT2Tokenizer"), ("mistral", "LlamaTokenizer"), ("smollm3", "GPT2Tokenizer")]:
    cases[f"config.json {model_type}"] = {"files": {"tokenizer.json": cases[f"{name} another pipeline"]["files"]["tokenizer.json"], "config.json": {"model_type": model_type}}}
for alias, name in [("ElectraTokenizer", "BertTokenizer"), ("LxmertTokenizerFast", "BertTokenizer"), ("BartTokenizer", "RobertaTokenizer"), ("LongformerTokenizer", "RobertaTokenizer"), ("LEDTokenizerFast", "RobertaTokenizer")]:
    cases[f"{alias} another pipeline"] = {"files": {"tokenizer.json": cases[f"{name} another pipeline"]["files"]["tokenizer.json"], "tokenizer_config.json": {"tokenizer_class": alias}}}
two_lists = {"additional_special_tokens": ["<user>", "ko"], "extra_special_tokens": {"audio_token": "<audio>"}}
cases["two lists beside added tokens"] = {"files": {**cases["BertTokenizer plain"]["files"], "added_tokens.json": {"ko": 5000}, "tokenizer_config.json": {"tokenizer_class": "NoSuchTokenizer", **two_lists}}}

for name, model in [("GPT2Tokenizer", "gpt2"), ("RobertaTokenizer", "roberta"), ("Qwen2Tokenizer", "gpt2"), ("DebertaTokenizer", "deberta"), ("GPTNeoXTokenizer", "neox")]:
    for setting, values in settings.items():
        files = {"vocab.json": {"vocab of": model}, "merges.txt": {"merges of": model}, "tokenizer_config.json": {"tokenizer_class": name, **values}}
        cases[f"{name} from vocab.json {setting}"] = {"files": files}
    files = cases[f"{name} from vocab.json plain"]["files"]
    cases[f"{name} from vocab.json added"] = {"files": {**files, "added_tokens.json": {"foo": 5000, "<user>": 5001, "ko": 5003}}}
    cases[f"{name} from vocab.json special map"] = {"files": {**files, **mapped}}


def pieces(kind, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(c for c in corpus if "\0" not in c), model_writer=model, model_type=kind, **options)
    return {"base64": base64.b64encode(model.getvalue()).decode()}


quiet = dict(minloglevel=2, hard_vocab_limit=False, num_threads=1)
llama_pieces = pieces("bpe", vocab_size=460, byte_fallback=True, character_coverage=0.98, normalization_rule_name="identity", remove_extra_whitespaces=False, user_defined_symbols=["<user>"], **quiet)
t5_pieces = pieces("unigram", vocab_size=200, character_coverage=0.98, pad_id=0, eos_id=1, unk_id=2, bos_id=-1, **quiet)
for setting, values in settings.items():
    cases[f"LlamaTokenizer from tokenizer.model {setting}"] = {"files": {"tokenizer.model": llama_pieces, "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizer", **values}}}
    cases[f"T5Tokenizer from spiece.model {setting}"] = {"files": {"spiece.model": t5_pieces, "tokenizer_config.json": {"tokenizer_class": "T5Tokenizer", "extra_ids": 3, **values}}}
cases["LlamaTokenizer from tokenizer.model added"] = {"files": {**cases["LlamaTokenizer from tokenizer.model plain"]["files"], "added_tokens.json": {"[PAD]": 460, "foo": 461}}}

write_goldens(folder, texts, all_models, cases)
