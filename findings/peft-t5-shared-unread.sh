#!/usr/bin/env bash
# peft 0.21.2: modules_to_save=["shared"] on T5 trains a copy of the embedding that nothing reads. transformers 5.24 gives
# encoder and decoder embeddings of their own that only share the weight, and peft wraps the module `shared` alone.
# Output seen:
#   gradient of the trained copy: None; logits moved by adding 1 to it: 0.0 (to the copies of embed_tokens: 1.7)
# deltabench refuses such an adapter in a line that says so (harness/exchange/peft/saved-modules.ts).
# DELTABENCH_PYTHON may name a Python that has these versions; else they are installed into a temporary folder.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python=${DELTABENCH_PYTHON:-}
if [ -z "$python" ]; then
  python3 -m venv venv
  venv/bin/pip install --quiet torch==2.15.0 transformers==5.24.0 peft==0.21.2
  python=venv/bin/python
fi
"$python" -W ignore - <<'PY'
import torch, transformers
from peft import LoraConfig, get_peft_model, __version__

transformers.logging.set_verbosity_error()


def moved(name):
    torch.manual_seed(0)
    shape = dict(vocab_size=20, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2, decoder_start_token_id=0)
    model = transformers.T5ForConditionalGeneration(transformers.T5Config(**shape)).eval()
    lora = LoraConfig(task_type="SEQ_2_SEQ_LM", r=2, target_modules=["q"], modules_to_save=[name])
    adapted = get_peft_model(model, lora).eval()
    ids, labels = torch.tensor([[3, 4, 5, 6]]), torch.tensor([[7, 8, 1]])
    before = adapted(input_ids=ids, labels=labels)
    before.loss.backward()
    copies = [p for n, p in adapted.named_parameters() if "modules_to_save" in n]
    assert all(copy.requires_grad for copy in copies)
    with torch.no_grad():
        for copy in copies:
            copy.add_(1)
        after = adapted(input_ids=ids, labels=labels)
    return copies[0].grad, (after.logits - before.logits).abs().max().item()


print("peft", __version__, "transformers", transformers.__version__)
(gradient, shared), (_, words) = moved("shared"), moved("embed_tokens")
print(f"gradient of the trained copy: {gradient}; logits moved by adding 1 to it: {shared} (to the copies of embed_tokens: {words:.1f})")  # fmt: skip
assert gradient is None and shared == 0 < words, "the behaviour has changed"
PY
