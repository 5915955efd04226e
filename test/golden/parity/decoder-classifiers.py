"""Goldens of transformers' classifiers on decoders (…ForSequenceClassification) under peft's LoRA.

python decoder-classifiers.py     (torch 2.15.0, transformers 5.24.0, peft 0.21.2; one thread, eager attention)
Reads <model>/; writes methods/<model>/score.{json,safetensors}. Token ids are random; 7 is the padding token, since
the row of the models' own is zero. One text ends with padding tokens that attention sees, another has no others.
"""

import json
import os

import peft
import torch
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification

torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))
LINEARS = {"gpt2-tiny": ["c_attn"], "llama-tiny": ["q_proj", "v_proj"]}
LENGTH = 9
PAD = 7


def rows():
    draw = torch.Generator().manual_seed(5)
    texts = [torch.randint(8, 100, (n,), generator=draw).tolist() for n in (9, 4, 6, 1)]
    texts[2] = texts[2][:3] + [PAD] + texts[2][4:5] + [PAD, PAD]
    return [*texts, [PAD] * LENGTH]


def batch(texts, side, labels):
    pad = lambda row, fill: row + fill if side == "right" else fill + row
    ids = [pad(row, [PAD] * (LENGTH - len(row))) for row in texts]
    mask = [pad([1] * len(row), [0] * (LENGTH - len(row))) for row in texts]
    positions = [[max(0, sum(bits[: i + 1]) - 1) for i in range(LENGTH)] for bits in mask]
    return {"input_ids": ids, "attention_mask": mask, "position_ids": positions, "labels": labels}


def build(name, outputs):
    model = AutoModelForSequenceClassification.from_pretrained(
        f"{here}/{name}", num_labels=outputs, attn_implementation="eager", dtype=torch.float32)
    model.config.pad_token_id = PAD
    config = peft.LoraConfig(r=4, lora_alpha=8, target_modules=LINEARS[name], task_type="SEQ_CLS")
    model = peft.get_peft_model(model, config).eval()
    trained = {n.replace(".default", "").replace(".modules_to_save", ""): p
               for n, p in model.named_parameters() if p.requires_grad}
    noise = torch.Generator().manual_seed(11)
    for p in trained.values():
        p.data = torch.randn(p.shape, generator=noise) * 0.1
    return model, trained


def tensors(batch):
    return {k: torch.tensor(v) for k, v in batch.items()}


def run(name):
    texts = rows()
    model, trained = build(name, 3)
    out = {f"state.{k}": p.detach().clone() for k, p in trained.items()}
    golden = {"pad_token": PAD, "cases": {}, "trainable": [{"name": k, "shape": list(p.shape)} for k, p in trained.items()]}
    for side in ("left", "right"):
        golden["cases"][side] = {"batch": batch(texts, side, [2, 0, 1, 1, 0])}
        result = model(**tensors(golden["cases"][side]["batch"]))
        golden["cases"][side]["loss"] = result.loss.item()
        out[f"{side}.logits"] = result.logits.detach().clone()
    result.loss.backward()
    out.update({f"grad.{k}": p.grad.clone() for k, p in trained.items()})

    # Without a padding token transformers reads the last slot, and refuses more than one row.
    model.config.pad_token_id = None
    alone = [model(input_ids=torch.tensor([row])).logits for row in texts]
    out["unpadded.logits"] = torch.cat(alone).detach().clone()
    model.config.pad_token_id = PAD

    lr, decay, right = 0.01, 0.01, tensors(golden["cases"]["right"]["batch"])
    optimizer = torch.optim.AdamW(trained.values(), lr=lr, weight_decay=decay)
    lrs, losses = [lr, lr / 2, lr / 4], []
    for rate in lrs:
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        loss = model(**right).loss
        loss.backward()
        losses.append(loss.item())
        optimizer.step()
    golden["adamw"] = {"lrs": lrs, "losses": losses, "loss_final": model(**right).loss.item(), "weight_decay": decay}
    out.update({f"final.{k}": p.detach().clone() for k, p in trained.items()})

    # One output is a value, whose loss is the squared error.
    model, trained = build(name, 1)
    values = [0.5, -1.0, 2.0, 0.0, 1.5]
    result = model(**{**right, "labels": torch.tensor(values)})
    golden["regression"] = {"labels": values, "loss": result.loss.item()}
    out["regression.logits"] = result.logits.detach().clone()
    out.update({f"regression.state.{k}": p.detach().clone() for k, p in trained.items()})

    with open(f"{here}/methods/{name}/score.json", "w") as file:
        json.dump(golden, file)
    save_file({k: v.contiguous() for k, v in out.items()}, f"{here}/methods/{name}/score.safetensors")


for name in LINEARS:
    run(name)
