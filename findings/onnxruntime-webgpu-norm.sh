#!/usr/bin/env bash
# onnxruntime-node 1.30.0, WebGPU: LayerNormalization takes the variance for E x² − (E x)², which is lost where the mean is
# large against the spread; the CPU's does not. Softmax, Relu, Sigmoid and Log make ordinary numbers of NaN: a softmax is 0
# for every value of a row with one NaN.
# Needs an adapter. Debian's chromium-common and libvulkan1 bring one in software:
#   VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json bash findings/onnxruntime-webgpu-norm.sh
# Output seen, with SwiftShader:
#   LayerNormalization of 1000 + N(0, 1): wrong by at most 1e-1 on WebGPU, 6e-7 on the CPU
#   of 1, NaN, 2 on WebGPU: Softmax 0 0 0, Relu 1 0 2, Sigmoid 0.731 0 0.881
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cp "$here/onnx-node.cjs" "$dir"
cd "$dir"
npm install --silent --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 onnx-proto@8.0.1
node - <<'JS'
const { session, apply, expect, tensor } = require('./onnx-node.cjs');
const d = 768;
// Numbers of about that distribution, the same everywhere.
const spread = Float32Array.from({ length: d }, (_, i) => [1, 2, 3].reduce((sum, k) => sum + Math.sin(k * 12.9898 * (i + 1)) * 0.8165, 0));
const x = spread.map((value) => 1000 + value);
const mean = x.reduce((sum, value) => sum + value, 0) / d;
const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / d;

async function worst(provider) {
  const made = await session({
    nodes: [['LayerNormalization', ['x', 'w', 'b'], ['y'], { axis: 1 }]],
    inputs: { x: [x, [1, d]], w: [new Float32Array(d).fill(1), [d]], b: [new Float32Array(d), [d]] },
    outputs: { y: tensor([1, d]) },
    options: { executionProviders: [provider] },
  });
  const { y } = await made.session.run(made.feeds);
  return x.reduce((most, value, i) => Math.max(most, Math.abs(y.data[i] - (value - mean) / Math.sqrt(variance + 1e-5))), 0);
}
(async () => {
  const [shader, cpu] = [await worst('webgpu'), await worst('cpu')];
  console.log(`LayerNormalization of 1000 + N(0, 1): wrong by at most ${shader.toExponential(0)} on WebGPU, ${cpu.toExponential(0)} on the CPU`);
  const made = {};
  for (const operation of ['Softmax', 'Relu', 'Sigmoid'])
    made[operation] = await apply(operation, [1, NaN, 2], [1, 3], { to: [1, 3], options: { executionProviders: ['webgpu'] } });
  console.log('of 1, NaN, 2 on WebGPU:', Object.entries(made).map(([name, y]) => `${name} ${y.map((v) => +v.toFixed(3)).join(' ')}`).join(', '));
  expect('a layer normalisation far from zero is wrong on WebGPU alone', shader > 1e-3 && cpu < 1e-4);
  expect('WebGPU makes numbers of NaN', Object.values(made).every((y) => y.every(Number.isFinite)));
})();
JS
