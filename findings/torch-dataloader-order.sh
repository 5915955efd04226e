#!/usr/bin/env bash
# torch 2.15.0 (CPU or CUDA build): the order of DataLoader(shuffle=True) is not that of torch.randperm under the same seed, and
# it is another one where a generator is given.
#   - Without a generator the loader draws two numbers of the default generator when its iteration begins; the second one seeds
#     a generator of its own, which permutes. Any draw before (weights of a model, dropout of the last epoch) moves the order.
#   - With a generator, one number is drawn of it, and it then permutes itself. What else is drawn does not matter.
# Output seen, 8 examples, seed 42:
#   randperm                    6 3 0 7 2 1 4 5
#   no generator                0 5 1 6 3 4 2 7
#   no generator, 3 drawn first 0 6 2 3 4 7 5 1
#   generator                   4 6 2 3 0 7 1 5
#   generator, 3 drawn first    4 6 2 3 0 7 1 5
# PyPI's wheel of torch comes with CUDA on Linux, some GB: DELTABENCH_PYTHON may name a Python that has torch already.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python=${DELTABENCH_PYTHON:-$dir/venv/bin/python}
if [ -z "${DELTABENCH_PYTHON:-}" ]; then
  python3 -m venv "$dir/venv"
  "$dir/venv/bin/pip" install --quiet torch==2.15.0
fi
"$python" - <<'PY'
import sys
import torch
from torch.utils.data import DataLoader

print('torch', torch.__version__)


def order(generator=None, drawn=0):
    torch.manual_seed(42)
    if drawn:
        torch.rand(drawn)
    loader = DataLoader(range(8), batch_size=8, shuffle=True, generator=generator)
    return next(iter(loader)).tolist()


def seeded():
    return torch.Generator().manual_seed(42)


def draw(generator=None):
    return torch.empty((), dtype=torch.int64).random_(generator=generator).item()


torch.manual_seed(42)
seen = {'randperm': torch.randperm(8).tolist()}
seen['no generator'] = order()
seen['no generator, 3 drawn first'] = order(drawn=3)
seen['generator'] = order(seeded())
seen['generator, 3 drawn first'] = order(seeded(), drawn=3)
for name, values in seen.items():
    print(f'{name:27}', *values)

torch.manual_seed(42)
_, second = draw(), draw()
own = seeded()
draw(own)
as_found = [
    seen['randperm'] == [6, 3, 0, 7, 2, 1, 4, 5],
    seen['no generator'] == torch.randperm(8, generator=torch.Generator().manual_seed(second)).tolist(),
    seen['no generator'] == [0, 5, 1, 6, 3, 4, 2, 7],
    seen['no generator, 3 drawn first'] != seen['no generator'],
    seen['generator'] == torch.randperm(8, generator=own).tolist(),
    seen['generator'] == seen['generator, 3 drawn first'] == [4, 6, 2, 3, 0, 7, 1, 5],
]
print('as found' if all(as_found) else f'CHANGED: {as_found}')
sys.exit(not all(as_found))
PY
