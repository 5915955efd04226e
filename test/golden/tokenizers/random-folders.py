"""Makes goldens of random folders of the tokenizers of BART, DeBERTa 2 and 3, ALBERT and XLM-RoBERTa, in the form that make.py tells.

python random-folders.py FOLDER [CASES [SEED [MODEL_TYPES]]]   (tokenizers 0.23.3, transformers 5.24.0, sentencepiece 0.2.2 or later)

40 folders are kept in the repository, in folders/, and 20 of XLM-RoBERTa (20 1 xlm-roberta) in xlm-roberta/. Texts and byte pairs are those of cases.json beside this file. Every folder has a vocabulary
of its own or that of a tokenizer.json that transformers saved, settings, and added tokens, as real folders have them.
"""

import base64
import io
import json
import os
import random
import sys
import tempfile

from goldens import write_goldens

import sentencepiece
from transformers import AutoTokenizer

folder = sys.argv[1]
count = int(sys.argv[2]) if len(sys.argv) > 2 else 40
rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
model_types = sys.argv[4].split(",") if len(sys.argv) > 4 else ["bart", "deberta-v2", "deberta-v2", "albert", "albert"]
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "cases.json"), encoding="utf-8") as file:
    made = json.load(file)
texts = made["texts"] + ["``ko'' mi", "Ünïcödé ÀÉ", "ko,mi 1,5 a,b", "  two  spaces ", "#mi ## ko's"]
corpus = [" ".join(w for w in t.split() if w.isascii()) or "ko mi" for t in texts if "\0" not in t] * 6 + ["Über naïve café ＡＢ ﬁne"] * 3
models = {"roberta": made["models"]["roberta"]}

albert = dict(pad_id=0, pad_piece="<pad>", unk_id=1, unk_piece="<unk>", bos_id=-1, eos_id=-1, control_symbols=["[CLS]", "[SEP]", "[MASK]"])
deberta = dict(pad_id=0, pad_piece="[PAD]", bos_id=1, bos_piece="[CLS]", eos_id=2, eos_piece="[SEP]", unk_id=3, unk_piece="[UNK]")
xlm_roberta = dict(unk_id=0, bos_id=1, eos_id=2, pad_id=-1)


# The maps of characters that SentencePiece brings are of 240,000 bytes, so that the folders in the repository have a short one.
rewrites = ["identity", "short", "short"] + (["nmt_nfkc", "nmt_nfkc_cf"] if count > 40 else [])
short = os.path.join(tempfile.mkdtemp(), "rules.tsv")
with open(short, "w") as file:
    file.write("FB01\t66 69\nFF21\t41\nFF22\t42\n41\t61\nA0\t20\n9\t20\n65 301\tE9\n")


def pieces(special):
    rewrite, spells = rng.choice(rewrites), rng.random() < 0.1
    options = dict(
        vocab_size=rng.choice([150, 180, 220]) + 256 * spells, character_coverage=rng.choice([0.98, 0.995]), add_dummy_prefix=rng.random() < 0.9,
        **({"normalization_rule_tsv": short} if rewrite == "short" else {"normalization_rule_name": rewrite}),
        remove_extra_whitespaces=rng.random() < 0.8, byte_fallback=spells, **special,
    )
    if rng.random() < 0.5:
        options["user_defined_symbols"] = rng.sample(["(", ")", "ko", "<user>", "▁mi", "foo"], 2)
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=model, model_type="unigram", minloglevel=2, hard_vocab_limit=False, num_threads=1, **options)
    return {"base64": base64.b64encode(model.getvalue()).decode()}


token = dict(single_word=False, lstrip=False, rstrip=False, normalized=False)
settings = [
    {"do_lower_case": True}, {"do_lower_case": False}, {"keep_accents": True}, {"split_by_punct": True}, {"add_prefix_space": False},
    {"add_prefix_space": True}, {"mask_token": "[NEW]"}, {"mask_token": {"__type": "AddedToken", "content": "[MASK]", **token, "lstrip": True}},
    {"pad_token": "<pad>"}, {"cls_token": "ko"}, {"sep_token": "[END]"}, {"unk_token": "<unk>"}, {"unk_token": "[UNK]"}, {"bos_token": "<s>"},
    {"eos_token": "ko"}, {"additional_special_tokens": ["<a>", "mi"]}, {"extra_special_tokens": ["<b>"]}, {"clean_up_tokenization_spaces": True},
    {"unk_id": 5}, {"vocab_type": "spm"}, {"model_max_length": 512}, {"add_bos_token": True}, {"trim_offsets": False},
    {"added_tokens_decoder": {"300": {"content": "[MASK]", **token, "special": True}}}, {"sp_model_kwargs": {}},
]
classes = {
    "bart": (["BartTokenizer", "BartTokenizerFast", "RobertaTokenizer"], None, None),
    "deberta-v2": (["DebertaV2Tokenizer", "DebertaV2TokenizerFast"], "spm.model", deberta),
    "albert": (["AlbertTokenizer", "AlbertTokenizerFast"], "spiece.model", albert),
    "xlm-roberta": (["XLMRobertaTokenizer", "XLMRobertaTokenizerFast"], "sentencepiece.bpe.model", xlm_roberta),
}


def saved(files):
    """The tokenizer.json that transformers saves of a folder; none where it cannot read it."""
    with tempfile.TemporaryDirectory() as place:
        for name, content in files.items():
            with open(os.path.join(place, name), "wb") as file:
                file.write(base64.b64decode(content["base64"]) if "base64" in content else json.dumps(content).encode())
        try:
            AutoTokenizer.from_pretrained(place).save_pretrained(place)
        except Exception:
            return None
        with open(os.path.join(place, "tokenizer.json"), encoding="utf-8") as file:
            return json.load(file)


def random_folder(number):
    model_type = rng.choice(model_types)
    names, vocabulary, special = classes[model_type]
    config = {}
    for chosen in rng.sample(settings, rng.randint(0, 3)):
        config.update(chosen)
    if rng.random() < 0.7:
        config["tokenizer_class"] = rng.choice(names)
    files = {"config.json": {"model_type": model_type}} if rng.random() < 0.7 or "tokenizer_class" not in config else {}
    if vocabulary is None:
        files.update({"vocab.json": {"vocab of": "roberta"}, "merges.txt": {"merges of": "roberta"}})
    else:
        files[vocabulary] = pieces(special)
    if config or rng.random() < 0.5:
        files["tokenizer_config.json"] = config
    if rng.random() < 0.3:
        files["added_tokens.json"] = {"[MASK]": 400} if model_type == "deberta-v2" and rng.random() < 0.6 else {"foo": 401, "<user>": 402}
    if rng.random() < 0.3:
        files["special_tokens_map.json"] = rng.choice([
            {"cls_token": "[CLS]", "mask_token": "[MASK]"}, {"pad_token": "[PAD]", "unk_token": "[UNK]"},
            {"mask_token": {"content": "[MASK]", **token, "lstrip": True}}, {"additional_special_tokens": ["<c>"]},
        ])
    whole = saved(files) if vocabulary and rng.random() < 0.35 else None
    if whole:
        name = f"saved{number}"
        models[name] = whole.pop("model")
        files["tokenizer.json"] = {**whole, "model": {"model": name}}
        if rng.random() < 0.7:
            del files[vocabulary]
    form = "tokenizer.json" if whole else vocabulary or "vocab.json"
    return f"{number} {model_type} from {form}", {"files": files}


cases = dict(random_folder(number) for number in range(count))
write_goldens(folder, texts, models, cases)
