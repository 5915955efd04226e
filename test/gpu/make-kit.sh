#!/usr/bin/env bash
# Packs Node, the packages that a run needs and the data of one task into KIT (default .kit/), small enough to travel to a
# Linux x64 machine that reaches no registry. There: bash .kit/unpack.sh, then .kit/bench <arguments of `npm run bench`>.
#   bash test/gpu/make-kit.sh [KIT]        reads DELTABENCH_DATA
set -euo pipefail
cd "$(dirname "$0")/../.."
kit=${1:-.kit}
mkdir -p "$kit"
staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
cp -L "$(command -v node)" "$staging/node"
strip "$staging/node" 2>/dev/null || true
# Every package but those for tests, lint and other platforms, and of them only what Node loads.
tar -c --exclude='*.map' --exclude='*.d.ts' --exclude='*.md' --exclude='*.esm.js' --exclude='*.fesm*' --exclude='*.min.js' \
  --exclude='*.es2017*' --exclude='*/tfjs*/src' --exclude='*/tfjs*/dist/*/*' --exclude='tf.js' --exclude='tf-*.js.map' \
  --exclude='*/bin/napi-v6/darwin' --exclude='*/bin/napi-v6/win32' --exclude='*/linux/arm64' \
  node_modules/{onnxruntime-node,onnxruntime-common,@tensorflow/tfjs,@tensorflow/tfjs-core,@tensorflow/tfjs-backend-cpu,@tensorflow/tfjs-backend-webgl,@tensorflow/tfjs-converter,@tensorflow/tfjs-data,@tensorflow/tfjs-layers,long,seedrandom,tsx,esbuild,@esbuild,get-tsconfig,resolve-pkg-maps,zod,commander,cli-progress,string-width,strip-ansi,ansi-regex,emoji-regex,is-fullwidth-code-point,@huggingface,hyparquet,hyparquet-compressors,csv-parse,csv-stringify,simple-statistics,porter2,adm-zip,global-agent,node-fetch,whatwg-url,tr46,webidl-conversions,safe-buffer,string_decoder,fzstd,hysnappy} \
  2>/dev/null | tar -x -C "$staging" || true
mkdir -p "$staging/data/tokenizers" "$staging/data/e2e"
cp -rL "${DELTABENCH_DATA:?names the data folder}/tokenizers/gpt2" "$staging/data/tokenizers/"
cp -rL "$DELTABENCH_DATA/e2e/lora-format" "$staging/data/e2e/"
tar -C "$staging" -cf - . | xz -T2 -6 > "$kit/kit.tar.xz"
cat > "$kit/unpack.sh" <<'EOF'
#!/usr/bin/env bash
# Unpacks the kit into /tmp/kit and links its packages into this checkout.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ -d /tmp/kit ] || { mkdir -p /tmp/kit && tar -C /tmp/kit -xf "$here/kit.tar.xz"; }
ln -sfn /tmp/kit/node_modules "$here/../node_modules"
EOF
cat > "$kit/bench" <<'EOF'
#!/usr/bin/env bash
export DELTABENCH_DATA=/tmp/kit/data PATH=/tmp/kit:$PATH
exec node --import tsx "$(dirname "$0")/../harness/cli/main.ts" "$@"
EOF
chmod +x "$kit/bench" "$kit/unpack.sh"
du -h "$kit/kit.tar.xz"
