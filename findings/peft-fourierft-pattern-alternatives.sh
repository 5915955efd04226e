#!/usr/bin/env bash
# peft 0.21.2: a key `a|b` of FourierFT's n_frequency_pattern matches other modules than the same key of LoRA's rank_pattern. The
# expression is built without brackets, so that the first alternative need not end where the name ends.
# Output seen:
#   "c_attn|c_fc" of LoRA: c_attn, c_fc; of FourierFT: c_attn, c_attn_2
# deltabench reads each by its own rule (harness/exchange/peft/patterns.ts).
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
import torch
from peft import FourierFTConfig, LoraConfig, get_peft_model, __version__


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn, self.c_attn_2, self.c_fc = (torch.nn.Linear(8, 8) for _ in range(3))


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.h = torch.nn.ModuleList([Block()])


names = ["c_attn", "c_attn_2", "c_fc"]
pattern = {"c_attn|c_fc": 3}
lora = get_peft_model(Model(), LoraConfig(r=2, target_modules=names, rank_pattern=pattern))
fourier = get_peft_model(Model(), FourierFTConfig(n_frequency=2, target_modules=names, n_frequency_pattern=pattern))
ranks = {n: getattr(lora.base_model.model.h[0], n).r["default"] for n in names}
counts = {n: getattr(fourier.base_model.model.h[0], n).fourierft_n_frequency["default"] for n in names}
of_lora, of_fourier = ([n for n in names if numbers[n] == 3] for numbers in (ranks, counts))
print("peft", __version__)
print(f'"c_attn|c_fc" of LoRA: {", ".join(of_lora)}; of FourierFT: {", ".join(of_fourier)}')
assert of_lora == ["c_attn", "c_fc"] and of_fourier == ["c_attn", "c_attn_2"], "the behaviour has changed"
PY
