"""Computes a GPT-2 of transformers, alone or under LoRA and RED composed in an order, and prints JSON.

Argument: a JSON file with the model's inputs and labels, and jobs: a model folder each, with `tensors` (a safetensors file
of what is trained), `scale` (LoRA's) and `order` ("lora+red") unless it is to run alone.
"""

import json
import sys

import torch
import transformers
from safetensors.torch import load_file

torch.set_num_threads(1)


def compute(batch, folder, tensors=None, scale=1.0, order=""):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    state = {} if tensors is None else {name: value.requires_grad_() for name, value in load_file(tensors).items()}

    def edit(name):
        def hook(module, inputs, y):
            for method in order.split("+"):
                key = f"{method}.{name}"
                if method == "lora" and f"{key}.lora_A.weight" in state:
                    low = inputs[0] @ state[f"{key}.lora_A.weight"].T
                    y = y + scale * (low @ state[f"{key}.lora_B.weight"].T)
                elif method == "red" and f"{key}.red.scaling" in state:
                    y = state[f"{key}.red.scaling"] * y + state[f"{key}.red.bias"]
            return y

        return hook

    for name, module in model.named_modules():
        if name.endswith(("c_attn", "c_proj")):
            module.register_forward_hook(edit(name))
    out = model(**batch)
    if state:
        out.loss.backward()
    gradients = {name: value.grad.flatten().tolist() for name, value in state.items()}
    return {"loss": out.loss.item(), "logits": out.logits.flatten().tolist(), "gradients": gradients}


with open(sys.argv[1]) as file:
    given = json.load(file)
inputs = {key: torch.tensor(value) for key, value in given["batch"].items()}
print(json.dumps([compute(inputs, **job) for job in given["jobs"]]))
