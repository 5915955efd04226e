#!/usr/bin/env bash
# transformers 5.24.0, tokenizers 0.23.3. A tokenizer that is called with a text and an empty second text returns the single text,
# without the second separator; the same pair in a batch of one has it. A test set encoded row by row differs from one encoded in
# batches wherever a second text is empty.
#
# Output seen on 2026-11-30:
#   5.24.0 0.23.3
#   tokenizer("a", "") -> ['[CLS]', 'a', '[SEP]']
#   tokenizer(["a"], [""]) -> ['[CLS]', 'a', '[SEP]', '[SEP]']
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.24.0 tokenizers==0.23.3
"$work/venv/bin/python" - <<'PYTHON'
import tokenizers
import transformers

vocab = {word: i for i, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"])}
tokenizer = transformers.BertTokenizer(vocab=vocab)
print(transformers.__version__, tokenizers.__version__)
alone = tokenizer.convert_ids_to_tokens(tokenizer("a", "")["input_ids"])
batch = tokenizer.convert_ids_to_tokens(tokenizer(["a"], [""])["input_ids"][0])
print('tokenizer("a", "") ->', alone)
print('tokenizer(["a"], [""]) ->', batch)
assert alone == ["[CLS]", "a", "[SEP]"] and batch == ["[CLS]", "a", "[SEP]", "[SEP]"]
PYTHON
