"""Loads this adapter without deltabench: model = load(). Needs peft and what it needs."""

import json
import os

import peft
import transformers
from safetensors.torch import load_file

HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "adapter_config.json")) as file:
    CONFIG = json.load(file)
KINDS = {"CAUSAL_LM": "ForCausalLM", "SEQ_2_SEQ_LM": "ForSeq2SeqLM", "SEQ_CLS": "ForSequenceClassification"}


def load(base=CONFIG["base_model_name_or_path"]):
    kind, options = KINDS.get(CONFIG["task_type"], ""), {}
    tensors = load_file(os.path.join(HERE, "adapter_model.safetensors"))
    for name, tensor in tensors.items():
        if name.endswith(("classifier.bias", "classifier.out_proj.bias", "classification_head.out_proj.bias", "score.weight")):
            options["num_labels"] = tensor.shape[0]
    model = getattr(transformers, "AutoModel" + kind).from_pretrained(base, **options)
    model = peft.PeftModel.from_pretrained(model, HERE)
    if kind == "":  # Such an adapter's head lies in head.safetensors.
        from mean_head import MeanClassifier

        model = MeanClassifier(model)
    return model.eval()
