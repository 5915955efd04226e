#!/usr/bin/env bash
# peft 0.21.2 with transformers 5.24.0: prefix tuning runs on decoders and T5 but on no encoder: transformers calls the parameter
# past_key_values of BERT's and RoBERTa's forward `cache` now, and peft looks for the old name, after the adapter is made.
# Output seen:
#   bert: parameters with a cache: cache; ValueError: Model does not support past key values which are required for prefix tuning.
#   roberta: the same
# deltabench computes such prefixes; README says with which transformers peft does, and its test of peft skips them.
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
import inspect, torch, transformers
from peft import PrefixTuningConfig, __version__, get_peft_model

transformers.logging.set_verbosity_error()
print("peft", __version__, "transformers", transformers.__version__)
ids = torch.tensor([[3, 4, 5]])
shape = dict(vocab_size=20, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2)
for name, Config, Model in [
    ("bert", transformers.BertConfig, transformers.BertForSequenceClassification),
    ("roberta", transformers.RobertaConfig, transformers.RobertaForSequenceClassification),
]:
    model = Model(Config(**shape))
    names = inspect.signature(model.base_model.forward).parameters
    found = [each for each in ("past_key_values", "cache") if each in names]
    adapted = get_peft_model(model, PrefixTuningConfig(task_type="SEQ_CLS", num_virtual_tokens=2))
    try:
        adapted(input_ids=ids)
        error = None
    except ValueError as raised:
        error = raised
    print(f"{name}: parameters with a cache: {', '.join(found)}; {type(error).__name__}: {error}")
    assert isinstance(error, ValueError) and "past key values" in str(error), "the behaviour has changed"
PY
