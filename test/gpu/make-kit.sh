#!/usr/bin/env bash
# Packs what runs and tests need for a Linux x64 machine with an NVIDIA GPU that reaches no registry, in parts, so that each
# is small enough to travel where uploads are limited:
#   KIT/node   Node, the packages and this commit
#   KIT/data   the E2E and GLUE data, tokenizers and reference numbers
#   KIT/cuda   onnxruntime's CUDA provider for CUDA 13, code for one GPU architecture (90: H100 and H200) kept
# There: `bash KIT/<part>/unpack.sh [DIR]` for each, in any order, then `DIR/bench <arguments>`; the parity tests in DIR/src:
#   DELTABENCH_DEVICE=cuda ../bench exec node node_modules/vitest/vitest.mjs run test/parity -t onnx
#   echo 10 | ../bench exec node --import tsx test/speed/step.ts --device cuda --method red
# Products are of full float32 but with --precision tf32. Give the GPU to one process: without MPS several wait for each
# other's time slices at every copy (14 small runs at once took 0.5 s a step, one by itself 0.01 s).
#   bash test/gpu/make-kit.sh [KIT] [ARCH]        reads DELTABENCH_DATA; needs pip for the provider
set -euo pipefail
cd "$(dirname "$0")/../.."
kit=$(realpath -m "${1:-.kit}")
arch=${2:-90}
staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
mkdir -p "$kit/node" "$kit/data" "$kit/cuda" "$staging/node" "$staging/data/data"

cp -L "$(command -v node)" "$staging/node/node"
strip "$staging/node/node" 2>/dev/null || true
# Every package but those that draw charts, need an addon or check sources, and of them only what Node loads.
packages=$(npm ls --all --parseable 2>/dev/null | sed "s|^$PWD/||" | grep ^node_modules/ | sort -u |
  grep -v -e @napi-rs/canvas -e tfjs-node-gpu -e @types/ -e '^node_modules/chart' -e typescript -e eslint -e prettier)
tar -c --exclude='*.map' --exclude='*.d.ts' --exclude='*.md' --exclude='*.esm.js' --exclude='*.fesm*' --exclude='*.min.js' \
  --exclude='*.es2017*' --exclude='*/tfjs*/src' --exclude='*/tfjs*/dist/*/*' --exclude='tf.js' \
  --exclude='*/bin/napi-v6/darwin' --exclude='*/bin/napi-v6/win32' --exclude='*/linux/arm64' \
  --exclude='libonnxruntime_providers_*' $packages node_modules/@esbuild | tar -x -C "$staging/node"
git archive --prefix=src/ HEAD | tar -x -C "$staging/node"
ln -s ../node_modules "$staging/node/src/node_modules"
cat > "$staging/node/bench" <<'END'
#!/usr/bin/env bash
# `npm run bench` without npm, in the folder where the kit was unpacked.
kit=$(cd "$(dirname "$0")" && pwd)
export DELTABENCH_DATA=$kit/data DELTABENCH_PARITY=$kit/data/parity DELTABENCH_CACHE=$kit/cache PATH=$kit:$PATH
# PyTorch's wheels bring cuBLAS, cuDNN and cuRAND where the system has none.
libraries=$(python3 -c 'import glob, os, nvidia; print(":".join(sorted({os.path.dirname(f) for f in glob.glob(os.path.join(list(nvidia.__path__)[0], "**", "lib*.so*"), recursive=True)})))' 2>/dev/null)
export LD_LIBRARY_PATH=$libraries:${LD_LIBRARY_PATH:-}
[ "${1:-}" = exec ] && shift && exec "$@"
exec node --import "$kit/node_modules/tsx/dist/loader.mjs" "$kit/src/harness/cli/main.ts" "$@"
END
chmod +x "$staging/node/bench"
for part in tokenizers e2e/lora-format glue parity; do
  mkdir -p "$staging/data/data/$part"
  cp -rL "${DELTABENCH_DATA:?names the data folder}/$part/." "$staging/data/data/$part"
done
chmod -R u+w "$staging/data"

# The wheel's version is onnxruntime-node's, so that both sides of the provider's interface agree.
version=$(node -p "require('onnxruntime-node/package.json').version")
python3 -m pip download -q --no-deps --only-binary=:all: --python-version 3.12 --platform manylinux_2_28_x86_64 -d "$staging" "onnxruntime-gpu==$version"
python3 - "$staging" <<'END'
import glob, sys, zipfile
with zipfile.ZipFile(glob.glob(sys.argv[1] + '/*.whl')[0]) as wheel:
    for name in ('cuda', 'shared'):
        open(f'{sys.argv[1]}/libonnxruntime_providers_{name}.so', 'wb').write(wheel.read(f'onnxruntime/capi/libonnxruntime_providers_{name}.so'))
END
mkdir "$staging/cuda"
python3 test/gpu/slim-cuda.py "$staging/libonnxruntime_providers_cuda.so" "$staging/cuda/libonnxruntime_providers_cuda.so" "$arch"
cp "$staging/libonnxruntime_providers_shared.so" "$staging/cuda/"
pack() { # part, where its files belong in the kit
  tar -C "$staging/$1" -cf - . | xz -T0 -4 > "$kit/$1/kit.tar.xz"
  cat > "$kit/$1/unpack.sh" <<END
#!/usr/bin/env bash
set -euo pipefail
to=\${1:-/tmp/kit}/$2
mkdir -p "\$to" && tar -C "\$to" -xf "\$(dirname "\$0")/kit.tar.xz"
END
}
pack node .
pack data .
pack cuda node_modules/onnxruntime-node/bin/napi-v6/linux/x64
du -h "$kit"/*/kit.tar.xz
