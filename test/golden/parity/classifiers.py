"""Goldens of transformers' classifiers (…ForSequenceClassification) on decoders and encoder-decoders, under peft's LoRA.

python classifiers.py [<model>…]     (torch 2.15.0, transformers 5.24.0, peft 0.21.2; one thread, eager attention)
Reads <model>/; writes methods/<model>/score.{json,safetensors}. Token ids are random. Of decoders 7 is the padding
token, since the row of the models' own is zero; one text ends with padding tokens that attention sees, another has no
others. Texts of encoder-decoders have two end tokens each, and are padded on the right, as their tokenizers do.
"""

import json
import os
import sys

import peft
import torch
from safetensors.torch import save_file
from transformers import AutoModelForSequenceClassification

torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))
LINEARS = {"gpt2-tiny": ["c_attn"], "llama-tiny": ["q_proj", "v_proj"], "bart-tiny": ["q_proj", "v_proj"],
           "t5-tiny": ["q", "v"], "mt5-tiny": ["q", "v"]}
LENGTH = 9
PAD = 7


def is_pair(name):
    return name in ("bart-tiny", "t5-tiny", "mt5-tiny")


def rows(name):
    draw = torch.Generator().manual_seed(5)
    if is_pair(name):
        with open(f"{here}/{name}/config.json") as file:
            end = json.load(file)["eos_token_id"]
        texts = [torch.randint(8, 40, (n,), generator=draw).tolist() for n in (7, 3, 4, 1, 5)]
        return [row[: i + 1] + [end] + row[i + 1 :] + [end] for i, row in enumerate(texts)]
    texts = [torch.randint(8, 100, (n,), generator=draw).tolist() for n in (9, 4, 6, 1)]
    texts[2] = texts[2][:3] + [PAD] + texts[2][4:5] + [PAD, PAD]
    return [*texts, [PAD] * LENGTH]


def batch(texts, side, labels, padding=PAD):
    pad = lambda row, fill: row + fill if side == "right" else fill + row
    ids = [pad(row, [padding] * (LENGTH - len(row))) for row in texts]
    mask = [pad([1] * len(row), [0] * (LENGTH - len(row))) for row in texts]
    if padding != PAD:
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}
    positions = [[max(0, sum(bits[: i + 1]) - 1) for i in range(LENGTH)] for bits in mask]
    return {"input_ids": ids, "attention_mask": mask, "position_ids": positions, "labels": labels}


def build(name, outputs):
    model = AutoModelForSequenceClassification.from_pretrained(
        f"{here}/{name}", num_labels=outputs, attn_implementation="eager", dtype=torch.float32)
    if not is_pair(name):
        model.config.pad_token_id = PAD
    # peft knows the heads `classifier` and `score` alone, and would leave this one frozen.
    head = ["classification_head"] if is_pair(name) else None
    config = peft.LoraConfig(
        r=4, lora_alpha=8, target_modules=LINEARS[name], task_type="SEQ_CLS", modules_to_save=head)
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
    texts = rows(name)
    model, trained = build(name, 3)
    out = {f"state.{k}": p.detach().clone() for k, p in trained.items()}
    padding = model.config.pad_token_id
    golden = {"pad_token": padding, "cases": {}, "trainable": [{"name": k, "shape": list(p.shape)} for k, p in trained.items()]}
    for side in ("right",) if is_pair(name) else ("left", "right"):
        golden["cases"][side] = {"batch": batch(texts, side, [2, 0, 1, 1, 0], padding)}
        result = model(**tensors(golden["cases"][side]["batch"]))
        golden["cases"][side]["loss"] = result.loss.item()
        out[f"{side}.logits"] = result.logits.detach().clone()
    result.loss.backward()
    out.update({f"grad.{k}": p.grad.clone() for k, p in trained.items()})

    if not is_pair(name):
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


for name in sys.argv[1:] or LINEARS:
    run(name)
