#!/usr/bin/env bash
# onnxruntime-node 1.30.0, CPU: what ReduceMax, MaxPool and TopK make of a NaN depends on where it stands, and they may lose
# larger numbers with it.
#   - ReduceMax is NaN where the NaN comes first, else a number: the maximum, or less, of the values that its lanes have left.
#   - MaxPool is a number for most places.
#   - TopK finds a NaN, or not, and leaves out larger numbers: of eight values up to 7 with a NaN in place of the first, the
#     largest three are said to be 2, 1 and NaN.
# A sum is NaN wherever it stands: a test of finiteness belongs before a maximum or a search.
# Output seen (x64 with AVX-512), of 3 1 2 5 4 0 7 6 with one of them a NaN:
#   NaN for value 0: ReduceMax NaN, MaxPool 7, TopK 2 1 NaN, ReduceSum NaN
#   NaN for value 1: ReduceMax 7, MaxPool 7, TopK NaN 7 6, ReduceSum NaN
#   NaN for value 2: ReduceMax 6, MaxPool 7, TopK 3 1 NaN, ReduceSum NaN
#   NaN for value 7: ReduceMax 7, MaxPool NaN, TopK 7 5 4, ReduceSum NaN
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$here/onnx-node.cjs" "$dir"
cd "$dir"
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 onnx-proto@8.0.1
node - <<'JS'
const { apply, expect } = require('./onnx-node.cjs');
(async () => {
  const found = {};
  for (const place of [0, 1, 2, 7]) {
    const x = Float32Array.from([3, 1, 2, 5, 4, 0, 7, 6]);
    x[place] = NaN;
    const reduce = { to: [1], list: [1], attributes: { keepdims: 0 } };
    const all = {
      ReduceMax: await apply('ReduceMax', x, [1, 8], reduce),
      MaxPool: await apply('MaxPool', x, [1, 1, 8], { to: [1, 1, 1], attributes: { kernel_shape: [8] } }),
      TopK: await apply('TopK', x, [1, 8], { to: [1, 3], list: [3] }),
      ReduceSum: await apply('ReduceSum', x, [1, 8], reduce),
    };
    console.log(`NaN for value ${place}:`, Object.entries(all).map(([name, y]) => `${name} ${y.join(' ')}`).join(', '));
    found[place] = all;
  }
  const passes = (name) => Object.values(found).some((all) => all[name].every(Number.isFinite));
  expect('ReduceMax passes over a NaN', Number.isNaN(found[0].ReduceMax[0]) && passes('ReduceMax'));
  expect('MaxPool passes over a NaN', passes('MaxPool'));
  expect('TopK leaves out the largest number', !found[0].TopK.includes(7));
  expect('TopK passes over a NaN', passes('TopK'));
  expect('a sum sees it anywhere', Object.values(found).every(({ ReduceSum }) => Number.isNaN(ReduceSum[0])));
})();
JS
