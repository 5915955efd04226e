#!/usr/bin/env bash
# onnxruntime-node 1.30.0 and @tensorflow/tfjs 4.22.0, CPU: the mean over an axis of length 0 is 0, not NaN as in numpy and
# torch. So the mean loss of an empty batch looks like a perfect one. The maximum over nothing is −Infinity in both.
# Output seen:
#   onnxruntime ReduceMean of [2, 0]: 0 0
#   tfjs mean of [2, 0]: 0 0
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$here/onnx-node.cjs" "$dir"
cd "$dir"
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 onnx-proto@8.0.1 @tensorflow/tfjs@4.22.0
node - <<'JS'
const { apply, expect } = require('./onnx-node.cjs');
const tf = require('@tensorflow/tfjs');
tf.enableProdMode();
(async () => {
  const options = { to: [2], list: [1], attributes: { keepdims: 0 } };
  const mean = await apply('ReduceMean', [], [2, 0], options);
  const other = [...tf.mean(tf.zeros([2, 0]), 1).dataSync()];
  console.log('onnxruntime ReduceMean of [2, 0]:', ...mean);
  console.log('tfjs mean of [2, 0]:', ...other);
  expect("onnxruntime's mean over nothing is 0", mean.every((y) => y === 0));
  expect("tfjs's mean over nothing is 0", other.every((y) => y === 0));
  const max = await apply('ReduceMax', [], [2, 0], options);
  expect("onnxruntime's maximum over nothing is -Infinity", max.every((y) => y === -Infinity));
})();
JS
