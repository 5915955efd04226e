#!/usr/bin/env bash
# The checks that only a GPU can make, in order, in about twelve minutes; stops at the first that fails.
# On a machine with a GPU, after `npm ci` and `npm run bench -- setup cuda`:
#   bash test/gpu/checks.sh 2>&1 | tee checks.log
# Without a registry: in the kit of make-kit.sh, `cd DIR/src && ../bench exec bash test/gpu/checks.sh`.
# `bash test/gpu/checks.sh cpu` rehearses all of it anywhere, on the CPU provider with tiny bases.
# DELTABENCH_PYTHON names a Python with torch, transformers and peft; without it check 6 is left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
device=${1:-cuda}
python=${DELTABENCH_PYTHON:-}
if [ "$device" = cpu ]; then
  size=(--layers 2 --width 32 --heads 2 --vocab 200 --batch 2 --length 16)
  memory=(--base random-gpt2~layers=2,width=16,heads=2,vocab=60,positions=32)
  precisions=(float32) steps=3
else
  size=(--layers 24 --width 1024 --heads 16 --vocab 50257 --batch 10 --length 96) # GPT-2 medium
  memory=()
  precisions=(float32 tf32 bfloat16) steps=20
fi
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
run() { node --import tsx "$@"; }
bench() { run harness/cli/main.ts "$@" --device "$device" --results "$results"; }
check() { printf '\n== %s (%s)\n' "$1" "$(date +%T)"; }

check '1 to 4, 7: the addon, state in the device memory, CUDA graphs over different batches, shared weights'
run test/gpu/check-device-memory.ts --device "$device" "${memory[@]}"

check '5: milliseconds a step of RED, LoRA and full fine-tuning'
for precision in "${precisions[@]}"; do
  for method in red lora full; do
    options=("${size[@]}" --device "$device" --method $method --precision $precision)
    echo "$precision $method: $(echo $steps | run test/speed/step.ts "${options[@]}")"
  done
done

check '6: PyTorch, eager and compiled, on the same shapes'
if [ -n "$python" ]; then
  for how in '' --compile; do
    for method in red lora full; do
      options=("${size[@]}" --device "$device" --method $method --serve $how)
      echo "torch $how $method: $(echo $steps | "$python" test/speed/torch_step.py "${options[@]}")"
    done
  done
else
  echo 'left out: DELTABENCH_PYTHON names no Python'
fi

check '8: four-bit bases; losses and gradients of all families; half precision'
DELTABENCH_DEVICE=$device node node_modules/vitest/vitest.mjs run --project unit --project parity -t onnx \
  test/models/bases/packed-base test/contract/packed-bases test/parity/{gpt2,llama,roberta,precision}

check '9: search inside one program'
DELTABENCH_DEVICE=$device node node_modules/vitest/vitest.mjs run --project parity test/decoding/in-graph

check '10: five seeds together against one by one'
seeds=(--task sst2 --model roberta-mini --method red --seeds 1 2 3 4 5 --max-steps $steps --limit 64)
time bench "${seeds[@]}" > /dev/null
rm -rf "$results" && mkdir "$results"
time bench "${seeds[@]}" --batch-seeds > /dev/null
printf '\nall passed (%s)\n' "$(date +%T)"
