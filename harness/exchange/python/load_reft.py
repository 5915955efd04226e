"""Loads this ReFT adapter without deltabench: model = load(). Needs torch, transformers and safetensors.
Set model.prompt_mask [B, T] to 1 at the prompt's tokens, else to 0; unset, the prompt is all that the first call reads."""
import json, os, torch, transformers
from safetensors.torch import load_file

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIG = json.load(open(os.path.join(HERE, "adapter_config.json")))
KINDS = {"CAUSAL_LM": "ForCausalLM", "SEQ_2_SEQ_LM": "ForSeq2SeqLM", "SEQ_CLS": "ForSequenceClassification"}
def edit(h, parts, places):  # Tied edits have the end "".
    out = h
    for end, mask in (("", places[0] | places[1]), ("first.", places[0]), ("last.", places[1])):
        p = {name[len(end):]: t for name, t in parts.items() if name.startswith(end)}
        if "b" in p:
            s = h @ p["W"].T + p["b"] if "W" in p else p["b"]
            if CONFIG["peft_type"] in ("LOREFT", "NOREFT", "CONSREFT"):
                s = s - (h @ p["R"] if "R" in p else h @ p["P"].T + p["Pb"])
            out = out + (s * mask.unsqueeze(-1)) @ (p["R"].T if "R" in p else p["P"])
    return out
def load(base=CONFIG["base_model_name_or_path"]):
    tensors = {k[17:]: t for k, t in load_file(os.path.join(HERE, "adapter_model.safetensors")).items()}
    kind, now = KINDS.get(CONFIG["task_type"], ""), {}
    outputs = ("classifier.bias", "classifier.out_proj.bias", "classification_head.out_proj.bias", "score.weight")
    options = {"num_labels": len(t) for k, t in tensors.items() if k in outputs}
    model = getattr(transformers, "AutoModel" + kind).from_pretrained(base, **options)
    model.load_state_dict({k: t for k, t in tensors.items() if ".reft." not in k}, strict=False)
    def find(_, __, kwargs):
        ids, past, mask = kwargs["input_ids"], kwargs.get("past_key_values"), getattr(model, "prompt_mask", None)
        mask = next(m for m in (mask, kwargs.get("attention_mask"), torch.ones_like(ids)) if m is not None)
        start, end = mask.cumsum(1) - 1, mask.flip(1).cumsum(1).flip(1) - 1  # Places from the prompt's start and end.
        near = lambda a, b, name: (a < CONFIG["options"][name]) & (a < b) & (mask == 1)
        inside = [near(start, end, "first"), near(end, start, "last")]
        now["places"] = inside if past is None or past.get_seq_length() == 0 else [m[:, -1:] & False for m in inside]
    for name in {k.split(".reft.")[0] for k in tensors if ".reft." in k}:
        parts = {k[len(name) + 6:]: t for k, t in tensors.items() if k.startswith(name + ".reft.")}
        change = lambda h, parts: edit(h, parts, now["places"])
        hook = lambda _, __, y, p=parts: (change(y[0], p), *y[1:]) if isinstance(y, tuple) else change(y, p)
        model.get_submodule(name).register_forward_hook(hook)
    reader = model.get_encoder() if model.config.is_encoder_decoder else model
    reader.register_forward_pre_hook(find, with_kwargs=True)
    return (model if kind else __import__("mean_head").MeanClassifier(model)).eval()
