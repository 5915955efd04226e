#!/usr/bin/env bash
# transformers 5.24.0: Gemma 3's config.json has attn_logit_softcapping, which is read and saved, and nothing computes
# with it: logits are the same to the last bit with any value. Gemma 2, of which the field comes, does cap its scores;
# final_logit_softcapping beside it caps the logits in both.
# Output seen:
#   Gemma2: a cap of 0.5 on scores moves logits by 11.8, on logits by 46.4
#   Gemma3Text: a cap of 0.5 on scores moves logits by 0.0, on logits by 27.8
# deltabench refuses such a file: what its author meant is not what transformers computes
# (harness/models/families/gemma.ts).
# DELTABENCH_PYTHON may name a Python that has these versions; else they are installed into a temporary folder.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python=${DELTABENCH_PYTHON:-}
if [ -z "$python" ]; then
  python3 -m venv venv
  venv/bin/pip install --quiet torch==2.15.0 transformers==5.24.0
  python=venv/bin/python
fi
"$python" -W ignore - <<'PY'
import torch
import transformers
from transformers import Gemma2Config, Gemma2ForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig

SIZES = dict(
    vocab_size=64,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
)


def logits(config_class, model_class, **caps):
    config = config_class(**SIZES, **caps)
    kept = config_class.from_dict(config.to_dict())
    assert all(getattr(kept, name) == value for name, value in caps.items())
    model = model_class._from_config(config, attn_implementation="eager").eval()
    generator = torch.Generator().manual_seed(1)
    for tensor in model.parameters():
        tensor.data = torch.randn(tensor.shape, generator=generator)
    return model(torch.arange(1, 17)[None]).logits


print("transformers", transformers.__version__)
moved = {}
for config_class, model_class in ((Gemma2Config, Gemma2ForCausalLM), (Gemma3TextConfig, Gemma3ForCausalLM)):
    free = logits(config_class, model_class, attn_logit_softcapping=None, final_logit_softcapping=None)
    scores = logits(config_class, model_class, attn_logit_softcapping=0.5, final_logit_softcapping=None)
    output = logits(config_class, model_class, attn_logit_softcapping=None, final_logit_softcapping=0.5)
    name = config_class.__name__.removesuffix("Config")
    moved[name] = [(free - other).abs().max().item() for other in (scores, output)]
    on_scores, on_logits = moved[name]
    print(f"{name}: a cap of 0.5 on scores moves logits by {on_scores:.1f}, on logits by {on_logits:.1f}")
assert moved["Gemma3Text"][0] == 0 and moved["Gemma2"][0] > 1, "the behaviour has changed"
assert moved["Gemma3Text"][1] > 1, "the behaviour has changed"
PY
