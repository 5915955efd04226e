#!/usr/bin/env bash
# lm-eval 0.4.13, transformers 5.24.0, torch 2.15.0. A task asks for greedy texts (do_sample: false, temperature 0), but the `hf` model
# leaves the rest to transformers' generate, which takes it from the checkpoint's generation_config.json: a repetition_penalty there
# changes the texts that are scored, and max_new_tokens there replaces the length that the task sets. Neither stands in the results
# file, and the same weights without that file give other scores.
# Output seen:
#   without the file: 16 tokens
#   with repetition_penalty 1.3: 16 tokens, another text: True
#   with max_new_tokens 4: 4 tokens
# deltabench follows both and says so in its records (harness/models/bases/generation-config.ts).
# DELTABENCH_PYTHON may name a Python that has these versions; else they are installed into a temporary folder.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python=${DELTABENCH_PYTHON:-}
if [ -z "$python" ]; then
  python3 -m venv venv
  venv/bin/pip install --quiet torch==2.15.0 transformers==5.24.0 "lm-eval[hf]==0.4.13"
  python=venv/bin/python
fi
HF_HUB_OFFLINE=1 "$python" -W ignore - 2> errors.log <<'PY' || { cat errors.log; exit 1; }
import json, os
import tokenizers, torch, transformers
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

words = {"<end>": 0, **{f"w{i}": i for i in range(1, 60)}}
plain = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<end>"))
plain.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="<end>", eos_token="<end>", pad_token="<end>")
torch.manual_seed(0)
shape = dict(vocab_size=60, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2)
model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**shape, eos_token_id=0, pad_token_id=0, initializer_range=0.5))
model.save_pretrained("base")
tokenizer.save_pretrained("base")


def written(**settings):
    with open("base/generation_config.json", "w") as file:
        json.dump(settings, file)
    asked = {"until": ["never"], "do_sample": False, "temperature": 0.0, "max_gen_toks": 16}
    request = Instance("generate_until", {}, ("w5 w6 w7 w8", asked), 0)
    scorer = HFLM(pretrained="base", device="cpu", batch_size=1)
    return scorer.generate_until([request], disable_tqdm=True)[0].split()


usual, penalised, short = written(), written(repetition_penalty=1.3), written(max_new_tokens=4)
print(f"without the file: {len(usual)} tokens")
print(f"with repetition_penalty 1.3: {len(penalised)} tokens, another text: {penalised != usual}")
print(f"with max_new_tokens 4: {len(short)} tokens")
assert len(usual) == 16 and penalised != usual and len(short) == 4, "the behaviour has changed"
PY
