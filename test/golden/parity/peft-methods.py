"""Goldens of the methods that peft has beside LoRA's oldest relatives, in the form of the files beside them.

python peft-methods.py [method ...]     (torch 2.15.0, transformers 5.24.0, peft 0.21.2; one thread, eager attention)
Reads <model>/ and the batch of methods/<model>/lora.json; writes methods/<model>/<method>.{json,safetensors}, and
<method>-projections.safetensors where frozen random matrices belong to the method.

peft's LoHa, LoKr, OFT, HRA and MiSS refuse GPT-2's Conv1D modules; for these its Conv1D are first replaced by
Linear modules with the transposed weight, which compute the same.
"""

import json
import os
import sys

import peft
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoModelForSequenceClassification
from transformers.pytorch_utils import Conv1D

torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))
MODELS = {
    "gpt2-tiny": (AutoModelForCausalLM, "CAUSAL_LM", ["c_attn"], ["ln_1", "ln_2", "ln_f"]),
    "roberta-tiny": (AutoModelForSequenceClassification, "SEQ_CLS", ["query", "value"], ["LayerNorm"]),
    "t5-tiny": (AutoModelForSeq2SeqLM, "SEQ_2_SEQ_LM", ["q", "v"], ["layer_norm", "final_layer_norm"]),
    "llama-tiny": (AutoModelForCausalLM, "CAUSAL_LM", ["q_proj", "v_proj"],
                   ["input_layernorm", "post_attention_layernorm", "norm"]),
}
METHODS = {
    "rslora": lambda **k: peft.LoraConfig(r=4, lora_alpha=8, use_rslora=True, **k),
    "pissa": lambda **k: peft.LoraConfig(r=4, lora_alpha=8, init_lora_weights="pissa", **k),
    "lora-plus": lambda **k: peft.LoraConfig(r=4, lora_alpha=8, **k),
    "ln-tuning": lambda **k: peft.LNTuningConfig(**k),
    "loha": lambda **k: peft.LoHaConfig(r=3, alpha=6, **k),
    "lokr": lambda **k: peft.LoKrConfig(r=2, alpha=4, **k),
    "lokr-both": lambda **k: peft.LoKrConfig(r=1, alpha=2, decompose_both=True, decompose_factor=4, **k),
    "oft": lambda **k: peft.OFTConfig(oft_block_size=8, **k),
    "oft-exact": lambda **k: peft.OFTConfig(oft_block_size=8, use_cayley_neumann=False, **k),
    "oft-shared": lambda **k: peft.OFTConfig(oft_block_size=4, block_share=True, num_cayley_neumann_terms=3, **k),
    "oft-constrained": lambda **k: peft.OFTConfig(oft_block_size=8, coft=True, eps=0.3, **k),
    "hra": lambda **k: peft.HRAConfig(r=4, **k),
    "hra-orthogonal": lambda **k: peft.HRAConfig(r=3, apply_GS=True, **k),
    "miss": lambda **k: peft.MissConfig(r=5, **k),
    "miss-mini": lambda **k: peft.MissConfig(r=8, init_weights="mini", mini_r=4, **k),
    "miss-bat": lambda **k: peft.MissConfig(r=4, init_weights="bat", **k),
    "fourierft": lambda **k: peft.FourierFTConfig(n_frequency=10, scaling=150.0, **k),
    "randlora": lambda **k: peft.RandLoraConfig(r=5, randlora_alpha=10, **k),
}
LINEAR_ONLY = ("loha", "lokr", "oft", "hra", "miss")
LORA_PLUS = 4  # ratio of the rates of B and A


float32_svd = torch.linalg.svd
# In float32 torch's singular vectors are off by up to 5e-6 on llama-tiny.
torch.linalg.svd = lambda w, **options: [part.float() for part in float32_svd(w.double(), **options)]


def without_conv1d(model):
    for name, module in list(model.named_modules()):
        if isinstance(module, Conv1D):
            linear = torch.nn.Linear(*module.weight.shape)
            linear.weight.data = module.weight.data.t().contiguous()
            linear.bias.data = module.bias.data.clone()
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, linear)
    return model


def build(name, method):
    kind, task, linears, norms = MODELS[name]
    model = kind.from_pretrained(f"{here}/{name}", attn_implementation="eager", dtype=torch.float32).eval()
    if name == "gpt2-tiny" and method.startswith(LINEAR_ONLY):
        without_conv1d(model)
    config = METHODS[method](target_modules=norms if method == "ln-tuning" else linears, task_type=task)
    torch.manual_seed(3)
    return peft.get_peft_model(model, config).eval()


def plain(name):
    for part in (".default", ".ln_tuning_layers", ".modules_to_save"):
        name = name.replace(part, "")
    # peft keeps OFT's numbers in a module of their own.
    return name.replace(".oft_R.weight", ".oft_R")


def run(name, method):
    with open(f"{here}/methods/{name}/lora.json") as file:
        batch_json = json.load(file)["batch"]
    batch = {k: torch.tensor(v) for k, v in batch_json.items()}
    model = build(name, method)
    trained = {plain(n): p for n, p in model.named_parameters() if p.requires_grad}
    loss_init = model(**batch).loss.item()
    noise = torch.Generator().manual_seed(11)
    for p in trained.values():
        p.data += torch.randn(p.shape, generator=noise) * 0.1
    result = model(**batch)
    # COFT constrains its tensors in the forward pass.
    out = {f"state.{k}": p.detach().clone() for k, p in trained.items()}
    result.loss.backward()
    out["logits_state"] = result.logits.detach().clone()
    out.update({f"grad.{k}": p.grad.clone() for k, p in trained.items()})
    lr, decay = 0.01, 0.01
    ratio_of = lambda name: LORA_PLUS if method == "lora-plus" and "lora_B" in name else 1
    groups = [{"params": [p], "ratio": ratio_of(k)} for k, p in trained.items()]
    optimizer = torch.optim.AdamW(groups, lr=lr, weight_decay=decay)
    lrs, losses = [], []
    for step in range(10):
        rate = lr * (step / 2 if step < 2 else (10 - step) / 8)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["ratio"]
        optimizer.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        lrs.append(rate)
        losses.append(loss.item())
        optimizer.step()
    final = model(**batch).loss.item()
    out.update({f"final.{k}": p.detach().clone() for k, p in trained.items()})
    config = {k: v for k, v in model.peft_config["default"].to_dict().items()
              if isinstance(v, (int, float, str, bool)) and k != "base_model_name_or_path"}
    golden = {
        "model": name, "method": method, "config": config, "batch": batch_json, "loss_init": loss_init,
        "loss_state": result.loss.item(),
        "trainable": [{"name": k, "shape": list(p.shape)} for k, p in trained.items()],
        "trainable_count": sum(p.numel() for p in trained.values()),
        "adamw": {"lr": lr, "betas": [0.9, 0.999], "eps": 1e-8, "weight_decay": decay, "lrs": lrs, "losses": losses,
                  "loss_final": final},
    }
    os.makedirs(f"{here}/methods/{name}", exist_ok=True)
    save_file({k: v.contiguous() for k, v in out.items()}, f"{here}/methods/{name}/{method}.safetensors")
    with open(f"{here}/methods/{name}/{method}.json", "w") as file:
        json.dump(golden, file)
    if method == "randlora":
        frozen = {f"base_model.{k}": getattr(model.base_model, k)["default"].float() for k in ("randlora_A", "randlora_B")}
        save_file(frozen, f"{here}/methods/{name}/{method}-projections.safetensors")
    print(name, method, loss_init, golden["loss_state"], final, golden["trainable_count"])


for chosen in sys.argv[1:] or METHODS:
    for base in MODELS:
        run(base, chosen)
