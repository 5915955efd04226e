#!/usr/bin/env bash
# onnxruntime-node 1.30.0, CPU: sums and means of many float32 values are added one after the other in a few lanes, not
# pairwise as in numpy and torch. A million values of 0.1 come out wrong by 9e-4, their mean over rows by 1e-2; the same sum
# in two stages of a thousand is right. How much is lost depends on the processor's lanes.
# Output seen (x64 with AVX-512), relative errors:
#   ReduceSum of [1000000]        -9.0e-4
#   ReduceMean over 1000000 rows   9.6e-3
#   ReduceSumSquare of [131072]    -6.6e-5
#   in two stages of 1000          2.2e-7
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
  const value = Math.fround(0.1);
  const like = (n) => new Float32Array(n).fill(value);
  const n = 1_000_000;
  const drop = { keepdims: 0 };
  const stage = await apply('ReduceSum', like(n), [1000, 1000], { to: [1000], list: [1], attributes: drop });
  const sums = {
    'ReduceSum of [1000000]': (await apply('ReduceSum', like(n), [n], { to: [1], list: [0] }))[0] / (n * value),
    'ReduceMean over 1000000 rows': (await apply('ReduceMean', like(n), [n, 1], { to: [1], list: [0], attributes: drop }))[0] / value,
    'ReduceSumSquare of [131072]': (await apply('ReduceSumSquare', like(131072), [131072], { to: [1], list: [0] }))[0] / (131072 * value ** 2),
    'in two stages of 1000': (await apply('ReduceSum', stage, [1000], { to: [1], list: [0] }))[0] / (n * value),
  };
  for (const [name, ratio] of Object.entries(sums)) console.log(name.padEnd(30), (ratio - 1).toExponential(1));
  const [sum, mean, squares, staged] = Object.values(sums).map((ratio) => Math.abs(ratio - 1));
  expect('a long sum, a mean over rows and a sum of squares lose digits', Math.min(sum, mean, squares) > 1e-5);
  expect('stages do not', staged < 1e-6);
})();
JS
