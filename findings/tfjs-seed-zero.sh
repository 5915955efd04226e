#!/usr/bin/env bash
# @tensorflow/tfjs 4.22.0: seed 0 is taken for no seed by randomNormal, truncatedNormal, randomStandardNormal and randomGamma,
# and so by the initializers that use them: every call gives other numbers. randomUniform and dropout honour it.
# Output seen (whether two calls with one seed give the same numbers):
#   seed 0: randomNormal false, truncatedNormal false, randomStandardNormal false, randomGamma false, randomUniform true
#   seed 1: randomNormal true, truncatedNormal true, randomStandardNormal true, randomGamma true, randomUniform true
#   initializers.randomNormal({ seed: 0 }): false
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --ignore-scripts --no-audit --no-fund @tensorflow/tfjs@4.22.0
node - <<'JS'
const tf = require('@tensorflow/tfjs');
tf.enableProdMode();
const draw = {
  randomNormal: (seed) => tf.randomNormal([4], 0, 1, 'float32', seed),
  truncatedNormal: (seed) => tf.truncatedNormal([4], 0, 1, 'float32', seed),
  randomStandardNormal: (seed) => tf.randomStandardNormal([4], 'float32', seed),
  randomGamma: (seed) => tf.randomGamma([4], 1, 1, 'float32', seed),
  randomUniform: (seed) => tf.randomUniform([4], 0, 1, 'float32', seed),
};
const same = (make) => [...make().dataSync()].join() === [...make().dataSync()].join();
const found = [0, 1].map((seed) => Object.entries(draw).map(([name, make]) => [name, same(() => make(seed))]));
console.log('tfjs', tf.version_core);
found.forEach((list, seed) => console.log(`seed ${seed}:`, list.map((pair) => pair.join(' ')).join(', ')));
const initializer = same(() => tf.initializers.randomNormal({ seed: 0 }).apply([4]));
console.log('initializers.randomNormal({ seed: 0 }):', initializer);
const asFound = found[0].every(([name, y]) => y === (name === 'randomUniform')) && found[1].every(([, y]) => y) && !initializer;
console.log(asFound ? 'as found' : 'CHANGED');
process.exitCode = asFound ? 0 : 1;
JS
