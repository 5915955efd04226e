#!/usr/bin/env bash
# peft 0.21.2: OFT's num_cayley_neumann_terms is no number of terms. 3 and 4 give one and the same rotation, of four
# terms, and the last term of three or more has the factor 1 where the series of (I + Q)(I − Q)⁻¹ has 2.
# Output seen:
#   num_cayley_neumann_terms: factors of Q⁰, Q¹, … 1: [1], 2: [1, 2], 3: [1, 2, 2, 1], 4: [1, 2, 2, 1], 5: [1, 2, 2, 2, 1]
# deltabench computes the rotation as peft does (methods/oft.ts).
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
from peft import OFTConfig, __version__, get_peft_model

SIZE = 8


def factors(terms):
    """The factors of the powers of Q in the rotation that a layer applies, by least squares in float64."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(SIZE, SIZE, bias=False)).double()
    settings = dict(use_cayley_neumann=True, num_cayley_neumann_terms=terms)
    config = OFTConfig(target_modules=["0"], oft_block_size=SIZE, init_weights=False, **settings)
    adapted = get_peft_model(model, config).double()
    layer = adapted.base_model.model[0]
    upper = next(p for n, p in layer.named_parameters() if "oft_R" in n).detach()[0]
    q = torch.zeros(SIZE, SIZE, dtype=torch.float64)
    rows, columns = torch.triu_indices(SIZE, SIZE, 1)
    q[rows, columns] = upper
    q = q - q.T
    with torch.no_grad():
        rotation = torch.linalg.solve(layer.base_layer.weight, adapted(torch.eye(SIZE, dtype=torch.float64)).T).T
    powers = torch.stack([torch.linalg.matrix_power(q, k).flatten() for k in range(7)], 1)
    found = torch.linalg.lstsq(powers, rotation.flatten()[:, None]).solution[:, 0]
    assert (powers @ found - rotation.flatten()).abs().max() < 1e-8
    whole = [round(float(x), 3) for x in found]
    while whole[-1] == 0:
        whole.pop()
    return [int(x) if x == int(x) else x for x in whole]


print("peft", __version__)
seen = {terms: factors(terms) for terms in (1, 2, 3, 4, 5)}
print("num_cayley_neumann_terms: factors of Q⁰, Q¹, …", ", ".join(f"{n}: {f}" for n, f in seen.items()))
assert seen[3] == seen[4] and seen[3] != [1, 2, 2], "the behaviour has changed"
PY
