#!/usr/bin/env bash
# tokenizers 0.23.3 (Python). The id that tokenizer.json gives an added token is not used: a token that the model's vocabulary
# lacks gets the next free id, and the file's id is forgotten. With a gap before it, the token has another id than a model
# trained with the file's id expects.
#
# Output seen on 2026-11-30:
#   0.23.3
#   the file says 7; the tokenizer says 3, and saves 3
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check tokenizers==0.23.3
"$work/venv/bin/python" - <<'PYTHON'
import json
import tokenizers

token = {"id": 7, "content": "<new>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
model = {"type": "WordLevel", "vocab": {"<unk>": 0, "a": 1, "b": 2}, "unk_token": "<unk>"}
print(tokenizers.__version__)
tokenizer = tokenizers.Tokenizer.from_str(json.dumps({"version": "1.0", "added_tokens": [token], "model": model}))
saved = json.loads(tokenizer.to_str())["added_tokens"][0]["id"]
print(f"the file says {token['id']}; the tokenizer says {tokenizer.token_to_id('<new>')}, and saves {saved}")
assert tokenizer.encode("<new>").ids == [3] and saved == 3
PYTHON
