#!/usr/bin/env bash
# tokenizers 0.23.3 (Python). A post_processor that says "RobertaProcessing" and lacks trim_offsets or add_prefix_space is no
# error: it is read as BertProcessing, so that a pair has one separator between its texts instead of two.
#
# Output seen on 2026-11-30:
#   0.23.3
#   without trim_offsets: BertProcessing ['<s>', 'a', '</s>', 'b', '</s>']
#   with both settings: RobertaProcessing ['<s>', 'a', '</s>', '</s>', 'b', '</s>']
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tokenizers==0.23.3
"$work/venv/bin/python" - <<'PYTHON'
import json
import tokenizers

vocab = {"<s>": 0, "</s>": 1, "a": 2, "b": 3, "<unk>": 4}
print(tokenizers.__version__)


def made(**settings):
    processor = {"type": "RobertaProcessing", "cls": ["<s>", 0], "sep": ["</s>", 1], **settings}
    model = {"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"}
    text = json.dumps({"version": "1.0", "added_tokens": [], "post_processor": processor, "model": model})
    tokenizer = tokenizers.Tokenizer.from_str(text)
    return type(tokenizer.post_processor).__name__, tokenizer.encode("a", "b").tokens


short, whole = made(), made(trim_offsets=True, add_prefix_space=False)
print("without trim_offsets:", *short)
print("with both settings:", *whole)
assert short == ("BertProcessing", ["<s>", "a", "</s>", "b", "</s>"])
assert whole == ("RobertaProcessing", ["<s>", "a", "</s>", "</s>", "b", "</s>"])
PYTHON
