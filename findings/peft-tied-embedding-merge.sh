#!/usr/bin/env bash
# peft 0.21.2: a LoRA on a tied embedding acts on the input alone while it is an adapter, and on the output head too once it is
# merged, since both are one tensor: merge_and_unload gives another model.
# Output seen:
#   largest difference of logits, adapter to merged: 158.73 (without tying: 0.00)
# deltabench gives the head a weight of its own when it merges (harness/models/delta/merge.ts).
# DELTABENCH_PYTHON may name a Python that has these versions; else they are installed into a temporary folder.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python=${DELTABENCH_PYTHON:-}
if [ -z "$python" ]; then
  python3 -m venv venv
  venv/bin/pip install --quiet torch==2.15.0 transformers==5.24.0 peft==0.21.2
  python=venv/bin/python
fi
"$python" -W ignore - <<'PY'
import torch, transformers
from peft import LoraConfig, get_peft_model, __version__

transformers.logging.set_verbosity_error()


def difference(tied):
    torch.manual_seed(0)
    shape = dict(vocab_size=20, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2)
    config = transformers.LlamaConfig(**shape, tie_word_embeddings=tied, initializer_range=0.3)
    model = transformers.LlamaForCausalLM(config).eval()
    lora = LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["embed_tokens"], init_lora_weights=False)
    adapted = get_peft_model(model, lora).eval()
    ids = torch.tensor([[3, 4, 5, 6]])
    with torch.no_grad():
        before = adapted(input_ids=ids).logits
        after = adapted.merge_and_unload()(input_ids=ids).logits
    return (before - after).abs().max().item()


print("peft", __version__)
tied, untied = difference(True), difference(False)
print(f"largest difference of logits, adapter to merged: {tied:.2f} (without tying: {untied:.2f})")
assert tied > 0.01 > untied, "the behaviour has changed"
PY
