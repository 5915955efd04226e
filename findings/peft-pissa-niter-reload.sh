#!/usr/bin/env bash
# peft 0.21.2: a PiSSA adapter of the fast start (init_lora_weights="pissa_niter_4"), saved and loaded on the same base,
# computes something else, without a word: loading repeats the randomized decomposition, which takes another part out
# of the base than the one that the saved matrices stand for. With "pissa" the decomposition is exact and repeats.
# Output seen (start, largest difference of the outputs after loading, and their largest size):
#   pissa 0.0 2.63
#   pissa_niter_4 0.8495 3.49
# deltabench reads the first and refuses the second (harness/exchange/peft/formats/low-rank.ts).
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
import copy

import torch
from peft import LoraConfig, PeftModel, __version__, get_peft_model

print("peft", __version__)
torch.manual_seed(0)
base = torch.nn.Sequential(torch.nn.Linear(64, 64))
x = torch.randn(8, 64)
differences = {}
for start in ("pissa", "pissa_niter_4"):
    config = LoraConfig(r=8, init_lora_weights=start, target_modules=["0"])
    adapted = get_peft_model(copy.deepcopy(base), config)
    assert torch.allclose(adapted(x), base(x), atol=1e-5), "PiSSA starts as the base"
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data += 0.1 * torch.randn_like(parameter)
    wanted = adapted(x)
    adapted.save_pretrained(start)
    loaded = PeftModel.from_pretrained(copy.deepcopy(base), start)
    differences[start] = (loaded(x) - wanted).abs().max().item()
    print(start, round(differences[start], 4), round(wanted.abs().max().item(), 2))
assert differences["pissa"] < 1e-4 and differences["pissa_niter_4"] > 0.01, "the behaviour has changed"
PY
