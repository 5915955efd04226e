"""Makes the goldens of reports-tied-own-head and reports-t5-gated-one-table (transformers 5.24.0, torch 2.15.0).

For each model: its tensors once, under canonical names and with an output of its own, and the logits that transformers
computes where some of these are left out, renamed or copied and config.json says one thing or another.
"""

import json
import os
import sys
import tempfile

import torch
import transformers as T
from safetensors.torch import save_file

torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))
IDS = [[3, 7, 1, 9], [2, 5, 8, 4]]
SOURCE = [[4, 6, 2], [9, 1, 3]]


def make(config, kind, table):
    torch.manual_seed(5)
    model = kind(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    state = {k: v.clone() for k, v in model.state_dict().items() if not k.endswith("embed_tokens.weight") or k == table}
    state["lm_head.weight"] = torch.randn_like(state[table])
    return {k: v for k, v in state.items() if "inv_freq" not in k}


def logits(kind, config, tensors):
    with tempfile.TemporaryDirectory() as folder:
        save_file({k: v.contiguous().clone() for k, v in tensors.items()}, folder + "/model.safetensors", {"format": "pt"})
        with open(folder + "/config.json", "w") as file:
            json.dump(config, file)
        model = kind.from_pretrained(folder, attn_implementation="eager").eval()
        ids = torch.tensor(IDS)
        if config["model_type"] == "t5":
            ids[:, 0] = 0  # the decoder's start token
        with torch.no_grad():
            if config["model_type"] == "t5":
                out = model(input_ids=torch.tensor(SOURCE), decoder_input_ids=ids)
            else:
                out = model(input_ids=ids)
        assert not torch.isnan(out.logits).any()
        return [round(x, 6) for x in out.logits.flatten().tolist()]


def write(case, name, kind, config, table, variants):
    tensors = make(kind.config_class(**config), kind, table)
    if table.startswith("shared"):
        tensors = {k: v for k, v in tensors.items() if "embed_tokens" not in k}
    folder = os.path.join(here, "..", case)
    save_file(tensors, os.path.join(folder, name + ".safetensors"), {"format": "pt"})
    out = {"config": config, "ids": IDS, "source": SOURCE, "variants": []}
    for title, change, edit in variants:
        changed = {k: v for k, v in {**config, **change}.items() if v is not None}
        changed["architectures"] = [kind.__name__]
        # edit: new name -> old name, or None for a tensor that is left out
        edited = dict(tensors)
        for new, old in edit.items():
            if old is not None:
                edited[new] = tensors[old]
        for new, old in edit.items():
            if old is None:
                del edited[new]
        out["variants"].append(
            {"title": title, "change": change, "edit": edit, "logits": logits(kind, changed, edited)}
        )
    with open(os.path.join(folder, name + ".json"), "w") as file:
        json.dump(out, file, separators=(",", ":"))


def decoder(table):
    head = "lm_head.weight"
    return [
        ("tied, both there, different", {"tie_word_embeddings": True}, {}),
        ("tied, both there, equal", {"tie_word_embeddings": True}, {head: table}),
        ("tied, no output", {"tie_word_embeddings": True}, {head: None}),
        ("tied, the output alone", {"tie_word_embeddings": True}, {table: None}),
        ("untied", {"tie_word_embeddings": False}, {}),
    ]


write(
    "reports-tied-own-head", "gpt2", T.GPT2LMHeadModel,
    {"model_type": "gpt2", "vocab_size": 10, "n_positions": 8, "n_embd": 8, "n_layer": 1, "n_head": 2},
    "transformer.wte.weight",
    decoder("transformer.wte.weight") + [("tied by default, both there, different", {}, {})],
)
write(
    "reports-tied-own-head", "llama", T.LlamaForCausalLM,
    {"model_type": "llama", "vocab_size": 10, "max_position_embeddings": 8, "hidden_size": 8, "intermediate_size": 12,
     "num_hidden_layers": 1, "num_attention_heads": 2},
    "model.embed_tokens.weight",
    decoder("model.embed_tokens.weight"),
)
shared, encoder, dec, head = "shared.weight", "encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"
t5 = {"model_type": "t5", "vocab_size": 10, "d_model": 8, "d_kv": 4, "d_ff": 12, "num_layers": 1, "num_heads": 2}
tables = [
    ("shared.weight alone", {head: None}),
    ("encoder.embed_tokens.weight alone", {encoder: shared, shared: None, head: None}),
    ("decoder.embed_tokens.weight alone", {dec: shared, shared: None, head: None}),
    ("all names", {encoder: shared, dec: shared, head: shared}),
    ("lm_head.weight alone", {shared: None}),
    ("the decoder's and another output", {dec: shared, shared: None}),
    ("shared.weight and another output", {}),
]
settings = [
    ("nothing said", {}),
    ("tied", {"tie_word_embeddings": True}),
    ("untied", {"tie_word_embeddings": False}),
    ("tied and not scaled", {"tie_word_embeddings": True, "scale_decoder_outputs": False}),
    ("untied and scaled", {"tie_word_embeddings": False, "scale_decoder_outputs": True}),
]
for name, projection in [("t5", "relu"), ("t5-gated", "gated-gelu")]:
    config = {**t5, "feed_forward_proj": projection}
    chosen = settings if name == "t5" else settings[2:4]
    write(
        "reports-t5-gated-one-table", name, T.T5ForConditionalGeneration, config, shared,
        [(f"{said}, {there}", change, edit) for said, change in chosen for there, edit in tables],
    )
