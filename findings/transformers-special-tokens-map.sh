#!/usr/bin/env bash
# transformers 5.24.0, tokenizers 0.23.3. Of two files that name different special tokens, special_tokens_map.json overrules
# tokenizer_config.json, unless the latter has an added_tokens_decoder (even an empty one): then the map is not read at all, and
# tokens that it alone names are gone.
#
# Output seen on 2026-11-30:
#   5.24.0 0.23.3
#   without added_tokens_decoder: pad b, eos a
#   with added_tokens_decoder: pad a, eos None
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
model = {"type": "WordLevel", "vocab": {"<unk>": 0, "a": 1, "b": 2}, "unk_token": "<unk>"}
json.dump({"version": "1.0", "added_tokens": [], "model": model}, open(folder + "/tokenizer.json", "w"))
json.dump({"pad_token": "b", "eos_token": "a"}, open(folder + "/special_tokens_map.json", "w"))
print(transformers.__version__, tokenizers.__version__)
found = []
for more in [{}, {"added_tokens_decoder": {}}]:
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "a", **more}
    json.dump(config, open(folder + "/tokenizer_config.json", "w"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    found.append((tokenizer.pad_token, tokenizer.eos_token))
    print(f"{'with' if more else 'without'} added_tokens_decoder: pad {found[-1][0]}, eos {found[-1][1]}")
assert found == [("b", "a"), ("a", None)]
PYTHON
