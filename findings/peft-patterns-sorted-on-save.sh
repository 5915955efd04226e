#!/usr/bin/env bash
# peft 0.21.2: of the keys of alpha_pattern (and rank_pattern) the first that matches a module counts, but save_pretrained writes
# them in the order of the alphabet. Where two keys match a module, an adapter that is loaded again therefore has another scale,
# without a word; under rank_pattern the same adapter cannot be loaded.
# Output seen (alpha_pattern {"q|v": 32, "q": 4}, r 2):
#   trained with scale 16.0, loaded with scale 2.0, logits differ: True
#   rank_pattern {"q|v": 3, "q": 7}: RuntimeError
# deltabench follows the order of the file, as peft does when it loads it (harness/exchange/peft/patterns.ts).
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
"$python" - <<'PY'
import torch, transformers
from peft import LoraConfig, PeftModel, get_peft_model, __version__

transformers.logging.set_verbosity_error()
config = transformers.T5Config(vocab_size=20, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2, dropout_rate=0.0)


def base():
    torch.manual_seed(0)
    return transformers.T5ForConditionalGeneration(config).eval()


def adapted(**settings):
    torch.manual_seed(1)
    lora = LoraConfig(task_type="SEQ_2_SEQ_LM", r=2, target_modules=["q", "v"], init_lora_weights=False, **settings)
    return get_peft_model(base(), lora).eval()


scale = lambda model: model.base_model.model.encoder.block[0].layer[0].SelfAttention.q.scaling["default"]
ids = torch.tensor([[3, 4, 5]])
logits = lambda model: model(input_ids=ids, decoder_input_ids=ids).logits
print("peft", __version__)
trained = adapted(alpha_pattern={"q|v": 32, "q": 4})
trained.save_pretrained("alpha")
loaded = PeftModel.from_pretrained(base(), "alpha").eval()
differ = not torch.allclose(logits(trained), logits(loaded), atol=1e-3)
print(f"trained with scale {scale(trained)}, loaded with scale {scale(loaded)}, logits differ: {differ}")
adapted(rank_pattern={"q|v": 3, "q": 7}).save_pretrained("rank")
try:
    PeftModel.from_pretrained(base(), "rank")
    error = None
except RuntimeError as raised:
    error = type(raised).__name__
print('rank_pattern {"q|v": 3, "q": 7}:', error)
assert differ and error == "RuntimeError", "the behaviour has changed"
PY
