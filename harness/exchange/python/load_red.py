"""Loads this RED adapter without deltabench: model = load(). Needs torch, transformers and safetensors."""

import json
import os

import torch
import transformers
from safetensors.torch import load_file

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "adapter_config.json")) as file:
    CONFIG = json.load(file)
KINDS = {"CAUSAL_LM": "ForCausalLM", "SEQ_2_SEQ_LM": "ForSeq2SeqLM", "SEQ_CLS": "ForSequenceClassification"}


def edit(h, part):
    h = h * part.get("scaling", 1) + part.get("bias", 0)
    norm = (part["ln.weight"], part["ln.bias"]) if "ln.weight" in part else None
    return torch.nn.functional.layer_norm(h, h.shape[-1:], *norm) if norm else h


def load(base=CONFIG["base_model_name_or_path"]):
    stored = load_file(os.path.join(HERE, "adapter_model.safetensors")).items()
    tensors = {name[len("base_model.model.") :]: tensor for name, tensor in stored}
    kind = KINDS.get(CONFIG["task_type"], "")
    outputs = ("classifier.bias", "classifier.out_proj.bias", "classification_head.out_proj.bias", "score.weight")
    options = {"num_labels": len(tensor) for name, tensor in tensors.items() if name in outputs}
    model = getattr(transformers, "AutoModel" + kind).from_pretrained(base, **options)
    model.load_state_dict({name: tensor for name, tensor in tensors.items() if ".red." not in name}, strict=False)
    parts = {}
    for name, tensor in tensors.items():
        if ".red." in name:
            parts.setdefault(name.split(".red.")[0], {})[name.split(".red.")[1]] = tensor
    for name, part in parts.items():
        hook = lambda _, __, out, p=part: (edit(out[0], p), *out[1:]) if isinstance(out, tuple) else edit(out, p)
        model.get_submodule(name).register_forward_hook(hook)
    if kind == "":
        from mean_head import MeanClassifier
        model = MeanClassifier(model)
    return model.eval()
