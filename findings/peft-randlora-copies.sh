#!/usr/bin/env bash
# peft 0.21.2: a saved RandLoRA adapter holds its random matrices, which all modules share and nobody trains, once for
# each adapted module and once more. VeRA, which shares matrices in the same way, writes them once. The file of
# a small adapter grows with its modules by much more than what is trained.
# Output seen (modules, numbers trained, numbers in the file, copies of the shared matrices):
#   RANDLORA 1 1088 9792 2
#   RANDLORA 4 4352 26112 5
#   VERA 1 68 580 1
#   VERA 4 272 784 1
# deltabench counts what is trained and reads one copy (harness/exchange/peft/).
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
from peft import RandLoraConfig, VeraConfig, __version__, get_peft_model
from safetensors.torch import load_file

print("peft", __version__)
copies = {}
for config_class in (RandLoraConfig, VeraConfig):
    for modules in (1, 4):
        torch.manual_seed(0)
        model = torch.nn.Sequential(*[torch.nn.Linear(64, 64) for _ in range(modules)])
        config = config_class(r=4, target_modules=[str(i) for i in range(modules)], save_projection=True)
        adapted = get_peft_model(model, config)
        adapted.save_pretrained("adapter")
        saved = load_file("adapter/adapter_model.safetensors")
        shared = [name for name in saved if name.endswith(("lora_A", "vera_A"))]
        assert all(torch.equal(saved[name], saved[shared[0]]) for name in shared)
        trained = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
        kind = config.peft_type.value
        copies[kind, modules] = len(shared)
        print(kind, modules, trained, sum(t.numel() for t in saved.values()), len(shared))
expected = {("RANDLORA", 1): 2, ("RANDLORA", 4): 5, ("VERA", 1): 1, ("VERA", 4): 1}
assert copies == expected, "the behaviour has changed"
PY
