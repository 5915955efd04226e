"""Goldens of prefixes that start as a text, by peft's initialize_kv_prefix_from_text.

python prefix-text.py     (torch 2.15.0, transformers 5.24.0, peft 0.21.2; one thread, eager attention)
Reads <model>/ and the batch of methods/<model>/lora.json; writes methods/<model>/prefix-text.{json,safetensors} with
the prefix, and loss and logits of the batch behind it. The tiny models have no tokenizer: made-up tokens stand for
the text.
"""

import json
import os

import peft
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))
TOKENS, VIRTUAL = [7, 3, 11, 2, 90, 41, 5, 5, 63], 6

for name in ("gpt2-tiny", "llama-tiny"):
    model = AutoModelForCausalLM.from_pretrained(f"{here}/{name}", attn_implementation="eager", dtype=torch.float32)
    config = peft.PrefixTuningConfig(num_virtual_tokens=VIRTUAL, task_type="CAUSAL_LM")
    model = peft.get_peft_model(model, config).eval()
    tokenizer = lambda text, **_: {"input_ids": torch.tensor([TOKENS])}
    start = peft.initialize_kv_prefix_from_text(model, tokenizer, text="made up", use_chat_template=False)
    with open(f"{here}/methods/{name}/lora.json") as file:
        batch = json.load(file)["batch"]
    with torch.no_grad():
        result = model(**{k: torch.tensor(v) for k, v in batch.items()})
    tensors = {"init.embedding.weight": start.contiguous(), "logits": result.logits.contiguous()}
    save_file(tensors, f"{here}/methods/{name}/prefix-text.safetensors")
    golden = {"model": name, "tokens": TOKENS, "virtual": VIRTUAL, "batch": batch, "loss": result.loss.item()}
    with open(f"{here}/methods/{name}/prefix-text.json", "w") as file:
        json.dump(golden, file)
    print(name, golden["loss"], tuple(start.shape))
