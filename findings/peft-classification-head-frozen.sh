#!/usr/bin/env bash
# peft 0.21.2, transformers 5.24.0, torch 2.15.0. With task_type="SEQ_CLS" peft trains and saves a new head beside the adapter, but it
# looks for modules called `classifier` and `score` alone. The head of T5, mT5, UMT5, BART and mBART is called `classification_head`:
# it stays frozen at its random values and is not saved, so that a loaded adapter answers with another random head. No warning is
# given. modules_to_save=["classification_head"] trains and saves it.
#
# Output seen on 2026-11-30:
#   0.21.2 5.24.0
#   RobertaForSequenceClassification: 4 trained tensors of the head
#   T5ForSequenceClassification: 0 trained tensors of the head
#   T5ForSequenceClassification with modules_to_save: 4 trained tensors of the head
#   logits of one saved T5 adapter, loaded twice, are equal: False
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check peft==0.21.2 transformers==5.24.0 torch==2.15.0
WORK="$work" "$work/venv/bin/python" - <<'PYTHON'
import os

import peft
import torch
import transformers

work = os.environ["WORK"]
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
print(peft.__version__, transformers.__version__)
roberta = transformers.RobertaConfig(
    vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, max_position_embeddings=12)
t5 = transformers.T5Config(vocab_size=9, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2, decoder_start_token_id=0)
transformers.T5ForConditionalGeneration(t5).save_pretrained(work + "/base")


def adapted(model, targets, **more):
    return peft.get_peft_model(model, peft.LoraConfig(task_type="SEQ_CLS", target_modules=targets, r=2, **more))


def trained(model):
    return sum(p.requires_grad and ("classifier" in n or "classification_head" in n) for n, p in model.named_parameters())


counts = []
for label, model in [
    ("", adapted(transformers.RobertaForSequenceClassification(roberta), ["query"])),
    ("", adapted(transformers.T5ForSequenceClassification(t5), ["q"])),
    (" with modules_to_save", adapted(transformers.T5ForSequenceClassification(t5), ["q"], modules_to_save=["classification_head"])),
]:
    counts.append(trained(model))
    print(f"{type(model.base_model.model).__name__}{label}: {counts[-1]} trained tensors of the head")
base = lambda: transformers.T5ForSequenceClassification.from_pretrained(work + "/base")
adapted(base(), ["q"]).save_pretrained(work + "/adapter")
ids = torch.tensor([[3, 4, 1]])
first, second = (peft.PeftModel.from_pretrained(base(), work + "/adapter").eval()(input_ids=ids).logits for _ in range(2))
same = torch.equal(first, second)
print("logits of one saved T5 adapter, loaded twice, are equal:", same)
assert counts == [4, 0, 4] and not same
PYTHON
