#!/usr/bin/env bash
# torch 2.15.0: torch.nn.utils.parametrizations.orthogonal moves a tall matrix twice as far as the optimiser steps. It
# trains a product of reflections I − τ v vᵀ; where v begins as a unit vector, dQ/dv is 2. AdamW with a rate of 0.01 changes
# the parameter by 0.01 and the matrix by 0.02, in a basis whose other columns are drawn at random and are in no state_dict of
# the matrix alone. pyreft trains LoReFT's rotation so: what it calls one learning rate is two.
# Output seen:
#   median step of the parameter 0.0100, of the matrix in its basis 0.0199
# deltabench steps the rotation itself and makes it orthonormal again (methods/shared/reft.ts); test/parity/pyreft.test.ts
# shows both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python=${DELTABENCH_PYTHON:-}
if [ -z "$python" ]; then
  python3 -m venv venv
  venv/bin/pip install --quiet torch==2.15.0
  python=venv/bin/python
fi
"$python" - <<'PY'
import torch
from torch.nn.utils.parametrizations import orthogonal

torch.manual_seed(0)


class Rotation(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.nn.init.orthogonal_(torch.empty(32, 4)))


layer = orthogonal(Rotation())
parameter = layer.parametrizations.weight.original
base = layer.parametrizations.weight[0].base
before, start = layer.weight.detach().clone(), parameter.detach().clone()
optimizer = torch.optim.AdamW([parameter], lr=0.01, weight_decay=0)
(layer.weight * torch.randn(32, 4)).sum().backward()
optimizer.step()
own = (parameter - start)[4:].abs().median().item()
moved = (base.T @ (layer.weight - before))[4:].abs().median().item()
print(f'torch {torch.__version__}')
print(f'median step of the parameter {own:.4f}, of the matrix in its basis {moved:.4f}')
assert abs(own - 0.01) < 1e-4 and abs(moved - 0.02) < 1e-3
PY
