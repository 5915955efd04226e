#!/usr/bin/env bash
# transformers 5.24.0, tokenizers 0.23.3. Where tokenizer_config.json names a class such as BertTokenizer or GPT2Tokenizer,
# AutoTokenizer takes no more than the vocabulary, and the merges, from tokenizer.json: its normalizer, pre-tokenizer and decoder
# are replaced by the class's, without a word. PreTrainedTokenizerFast takes the file as it is.
#
# Output seen on 2026-11-30:
#   5.24.0 0.23.3
#   PreTrainedTokenizerFast: ['Hello-you']
#   BertTokenizer: ['hello', '-', 'you']
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.24.0 tokenizers==0.23.3
WORK="$work" HF_HUB_OFFLINE=1 "$work/venv/bin/python" - <<'PYTHON'
import json
import os
import tokenizers
import transformers

folder = os.environ["WORK"] + "/tokenizer"
os.mkdir(folder)
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "Hello-you", "hello", "-", "you"]
model = {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100}
model["vocab"] = {word: i for i, word in enumerate(words)}
whole = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "WhitespaceSplit"}, "model": model}
json.dump(whole, open(folder + "/tokenizer.json", "w"))
print(transformers.__version__, tokenizers.__version__)
found = {}
for name in ["PreTrainedTokenizerFast", "BertTokenizer"]:
    json.dump({"tokenizer_class": name}, open(folder + "/tokenizer_config.json", "w"))
    found[name] = transformers.AutoTokenizer.from_pretrained(folder).tokenize("Hello-you")
    print(f"{name}: {found[name]}")
assert found == {"PreTrainedTokenizerFast": ["Hello-you"], "BertTokenizer": ["hello", "-", "you"]}
PYTHON
