#!/usr/bin/env bash
# transformers 5.24.0, torch 2.15.0. AlbertTokenizer returns no token_type_ids for a pair of texts, although its template has them and
# ALBERT was trained with them, and BertTokenizer returns them. The model then takes both texts for the first one, so that a
# classifier of pairs has other logits than with return_token_type_ids=True.
#
# Output seen on 2026-11-30:
#   5.24.0
#   BertTokenizer on a pair -> ['input_ids', 'token_type_ids', 'attention_mask']
#   AlbertTokenizer on a pair -> ['input_ids', 'attention_mask']
#   asked for them -> [0, 0, 0, 1, 1]
#   largest difference of the logits: above 0.01
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.24.0 torch==2.15.0
"$work/venv/bin/python" - <<'PYTHON'
import torch
import transformers

print(transformers.__version__)
words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b"]
bert = transformers.BertTokenizer(vocab={word: i for i, word in enumerate(words)})
pieces = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "▁a", "▁b"]
albert = transformers.AlbertTokenizer(vocab=[(piece, -float(i)) for i, piece in enumerate(pieces)])
keys = {type(t).__name__: list(t("a", "b")) for t in (bert, albert)}
for name, found in keys.items():
    print(f"{name} on a pair -> {found}")
asked = albert("a", "b", return_token_type_ids=True, return_tensors="pt")
print("asked for them ->", asked["token_type_ids"][0].tolist())
torch.manual_seed(0)
config = transformers.AlbertConfig(
    vocab_size=7, embedding_size=8, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, initializer_range=1.0)
model = transformers.AlbertForSequenceClassification(config).eval()
with torch.no_grad():
    difference = (model(**asked).logits - model(**albert("a", "b", return_tensors="pt")).logits).abs().max().item()
print("largest difference of the logits:", "above 0.01" if difference > 0.01 else difference)
assert "token_type_ids" in keys["BertTokenizer"] and "token_type_ids" not in keys["AlbertTokenizer"] and difference > 0.01
PYTHON
