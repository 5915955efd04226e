"""Goldens of methods that change the base's tensors themselves, written from their papers in torch alone.

python weight-methods.py [method ...]     (torch 2.15.0, transformers 5.24.0; one thread, eager attention)
Reads <model>/ and the batch of methods/<model>/lora.json; writes methods/<model>/<method>.{json,safetensors} in the
form of peft-methods.py, and intrinsic-projections.safetensors with the random parts of Fastfood.

masking: Zhao et al. 2020, W ⊙ [m > τ] on every linear module of a block, the gradient straight through.
intrinsic: Aghajanyan et al. 2020, θ + λ H G Π H B v for every tensor (its true gradient: the authors' own backward
  pass divides by √L once for each H).
diff-pruning: Guo et al. 2020, θ + z ⊙ w without the gates' noise; after step 5 the largest 5 % of |z w| are kept.
"""

import json
import math
import os
import sys

import torch
from safetensors.torch import save_file
from torch.func import functional_call
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification

torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))
MODELS = {
    "gpt2-tiny": (AutoModelForCausalLM, ["c_attn", "c_proj", "c_fc"]),
    "roberta-tiny": (AutoModelForSequenceClassification, ["query", "key", "value", "dense"]),
    "t5-tiny": (AutoModelForSeq2SeqLM, ["q", "k", "v", "o", "wi", "wo"]),
    "llama-tiny": (AutoModelForCausalLM,
                   ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]),
}
LR, DECAY, STEPS = 0.01, 0.01, 10


class Masking:
    threshold, spread, sparsity = 0.01, 0.02, 0.25

    def __init__(self, base, linears):
        end = (self.spread + self.threshold) / self.sparsity - self.spread
        self.names = {f"{n}.weight": f"{n}.mask" for n in modules(base, linears)}
        self.trained = {m: torch.empty_like(base[w]).uniform_(-self.spread, end) for w, m in self.names.items()}
        self.config = {"sparsity": self.sparsity}

    def tensors(self, base, x):
        class Binarize(torch.autograd.Function):
            @staticmethod
            def forward(_, m):
                return (m > Masking.threshold).float()

            @staticmethod
            def backward(_, gradient):
                return gradient

        return {w: base[w] * Binarize.apply(x[m]) for w, m in self.names.items()}


class Intrinsic:
    vector = 60

    def __init__(self, base, _):
        self.names = sorted(base)
        self.trained = {"intrinsic.vector": torch.zeros(self.vector), "intrinsic.scales": torch.ones(len(self.names))}
        self.config = {"dimension": self.vector + len(self.names)}
        self.parts = {}
        for name in self.names:
            n = base[name].numel()
            length = 2 ** math.ceil(math.log2(n))
            scales = torch.randn(length)
            divisor = torch.sqrt(length * torch.sum(scales**2)) * math.sqrt(n / length)
            signs = torch.randint(0, 2, (length,)).float() * 2 - 1
            self.parts[name] = (signs, torch.randperm(length), scales / divisor)

    def projections(self):
        out = {}
        for name, (signs, order, scales) in self.parts.items():
            out[f"{name}.fastfood.signs"] = signs[: 2 ** math.ceil(math.log2(self.vector))]
            out[f"{name}.fastfood.order"] = order.float()[None]
            out[f"{name}.fastfood.inverse"] = torch.argsort(order).float()[None]
            out[f"{name}.fastfood.scales"] = scales
        return out

    @staticmethod
    def hadamard(x):
        half = 1
        while half < len(x):
            pairs = x.view(-1, 2, half)
            x = torch.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], 1).reshape(-1)
            half *= 2
        return x

    def tensors(self, base, x):
        v, out = x["intrinsic.vector"], {}
        for i, name in enumerate(self.names):
            signs, order, scales = self.parts[name]
            padded = torch.nn.functional.pad(v, (0, len(signs) - len(v)))
            along = self.hadamard(self.hadamard(padded * signs)[order] * scales)[: base[name].numel()]
            out[name] = base[name] + x["intrinsic.scales"][i] * along.view(base[name].shape)
        return out


class DiffPruning:
    low, high, start, penalty_weight, gate_rate, sparsity, cut = -1.5, 1.5, 0.3, 1e-3, 5, 0.05, 5

    def __init__(self, base, _):
        self.names = list(base)
        self.kept = None
        self.trained = {}
        for name, value in base.items():
            self.trained[f"{name}.diff"] = torch.zeros_like(value)
            self.trained[f"{name}.gate"] = torch.full_like(value, self.start)
            self.trained[f"{name}.group"] = torch.full((1,), self.start)
        self.config = {"start": self.start, "penalty": self.penalty_weight, "gateRate": self.gate_rate,
                       "sparsity": self.sparsity, "noise": False}
        # Every eighth tensor, since the loss after the last step depends on all of them.
        self.finals = [f"{name}.{end}" for name in self.names[::8] for end in ("diff", "gate", "group")]

    def gate(self, name, x):
        if self.kept is not None:
            return self.kept[name]
        z = lambda alpha: (torch.sigmoid(alpha) * (self.high - self.low) + self.low).clamp(0, 1)
        return z(x[f"{name}.gate"]) * z(x[f"{name}.group"])

    def tensors(self, base, x):
        return {name: base[name] + x[f"{name}.diff"] * self.gate(name, x) for name in self.names}

    def penalty(self, x):
        gates = [x[f"{name}.{end}"] for name in self.names for end in ("gate", "group")]
        open_gates = sum(torch.sigmoid(g - math.log(-self.low / self.high)).sum() for g in gates)
        return 0 * open_gates if self.kept is not None else self.penalty_weight * open_gates

    def rate(self, name):
        return self.gate_rate if name.endswith((".gate", ".group")) else 1

    def after(self, step, x):
        if step + 1 != self.cut:
            return
        with torch.no_grad():
            products = {name: x[f"{name}.diff"] * self.gate(name, x) for name in self.names}
            sizes = torch.cat([p.abs().flatten() for p in products.values()])
            smallest = torch.topk(sizes, round(self.sparsity * len(sizes))).values[-1]
            self.kept = {n: ((p.abs() >= smallest) & (p != 0)).float() for n, p in products.items()}
            for name, product in products.items():
                x[f"{name}.diff"].copy_(product * self.kept[name])


METHODS = {"masking": Masking, "intrinsic": Intrinsic, "diff-pruning": DiffPruning}


def modules(base, linears):
    ends = [n.removesuffix(".weight") for n, p in base.items() if n.endswith(".weight") and p.dim() == 2]
    return [n for n in ends if n.rpartition(".")[2] in linears]


def run(name, method):
    kind, linears = MODELS[name]
    model = kind.from_pretrained(f"{here}/{name}", attn_implementation="eager", dtype=torch.float32).eval()
    with open(f"{here}/methods/{name}/lora.json") as file:
        batch_json = json.load(file)["batch"]
    batch = {k: torch.tensor(v) for k, v in batch_json.items()}
    parameters = {k: p.detach().clone() for k, p in model.named_parameters()}
    head = {k: p for k, p in parameters.items() if k.startswith("classifier.")}
    base = {k: p for k, p in parameters.items() if k not in head}
    torch.manual_seed(3)
    chosen = METHODS[method](base, linears)
    x = {**chosen.trained, **head}
    forward = lambda: functional_call(model, {**chosen.tensors(base, x), **{k: x[k] for k in head}}, (), batch)
    loss_init = forward().loss.item()
    noise = torch.Generator().manual_seed(11)
    for key in x:
        x[key] = (x[key] + torch.randn(x[key].shape, generator=noise) * 0.1).requires_grad_()
    out = {f"state.{k}": p.detach().clone() for k, p in x.items()}
    result = forward()
    result.loss.backward()
    out["logits_state"] = result.logits.detach().clone()
    out.update({f"grad.{k}": p.grad.clone() for k, p in x.items()})
    rate_of = getattr(chosen, "rate", lambda _: 1)
    groups = [{"params": [p], "ratio": rate_of(k)} for k, p in x.items()]
    optimizer = torch.optim.AdamW(groups, lr=LR, weight_decay=DECAY)
    lrs, losses = [], []
    for step in range(STEPS):
        rate = LR * (step / 2 if step < 2 else (STEPS - step) / 8)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["ratio"]
        optimizer.zero_grad()
        loss = forward().loss
        (loss + chosen.penalty(x) if hasattr(chosen, "penalty") else loss).backward()
        for p in x.values():
            p.grad = torch.zeros_like(p) if p.grad is None else p.grad
        lrs.append(rate)
        losses.append(loss.item())
        optimizer.step()
        if hasattr(chosen, "after"):
            chosen.after(step, x)
    final = forward().loss.item()
    out.update({f"final.{k}": x[k].detach().clone() for k in getattr(chosen, "finals", x)})
    golden = {
        "model": name, "method": method, "config": chosen.config, "batch": batch_json, "loss_init": loss_init,
        "loss_state": result.loss.item(),
        "trainable": [{"name": k, "shape": list(p.shape)} for k, p in x.items()],
        "trainable_count": sum(p.numel() for p in x.values()),
        "adamw": {"lr": LR, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": DECAY, "lrs": lrs, "losses": losses,
                  "loss_final": final},
    }
    save_file({k: v.contiguous() for k, v in out.items()}, f"{here}/methods/{name}/{method}.safetensors")
    with open(f"{here}/methods/{name}/{method}.json", "w") as file:
        json.dump(golden, file)
    if hasattr(chosen, "projections"):
        save_file(chosen.projections(), f"{here}/methods/{name}/{method}-projections.safetensors")
    print(name, method, loss_init, golden["loss_state"], final, golden["trainable_count"])


for chosen_method in sys.argv[1:] or METHODS:
    for model_name in MODELS:
        run(model_name, chosen_method)
