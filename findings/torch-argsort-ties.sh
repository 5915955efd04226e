#!/usr/bin/env bash
# torch 2.15.0 (CPU): argsort keeps the order of equal numbers up to 16 of them, and no longer from 17 on.
#   - It sorts as libstdc++'s std::sort, by insertion up to 16 numbers, by parting longer ranges. A check of a few numbers
#     lets one take it for a stable sort; with stable=True it is one.
#   - The order is the same in every run, whatever ATEN_CPU_CAPABILITY.
#   - Hugging Face peft's method_comparison sorts 80 texts by length so: which of equally long texts share a batch hangs on it.
# Output seen, equal numbers, descending=True:
#   16: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
#   17: 8 16 15 14 13 12 11 10 9 0 7 6 5 4 3 2 1
# PyPI's wheel of torch comes with CUDA on Linux, some GB: DELTABENCH_PYTHON may name a Python that has torch already.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python=${DELTABENCH_PYTHON:-$dir/venv/bin/python}
if [ -z "${DELTABENCH_PYTHON:-}" ]; then
  python3 -m venv "$dir/venv"
  "$dir/venv/bin/pip" install --quiet torch==2.15.0
fi
for capability in default avx2; do
  ATEN_CPU_CAPABILITY=$capability "$python" - <<'PY'
import sys
import torch

print('torch', torch.__version__, torch.backends.cpu.get_cpu_capability())


def order(n, **stable):
    found = torch.argsort(torch.ones(n, dtype=torch.long), descending=True, **stable).tolist()
    print(f'{n}:', *found)
    return found


few, more, stable = order(16), order(17), order(17, stable=True)
expected = [8, 16, 15, 14, 13, 12, 11, 10, 9, 0, 7, 6, 5, 4, 3, 2, 1]
as_found = [few == list(range(16)), stable == list(range(17)), more == expected]
print('as found' if all(as_found) else f'CHANGED: {as_found}')
sys.exit(not all(as_found))
PY
done
