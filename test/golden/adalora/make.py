"""Writes adalora.json and adalora.safetensors: peft's AdaLoRA on the goldens' tiny GPT-2 (python make.py PARITY_FOLDER)."""
import json
import sys
from pathlib import Path

import torch
from peft import AdaLoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import GPT2LMHeadModel, get_linear_schedule_with_warmup

parity, here = Path(sys.argv[1]), Path(__file__).parent
torch.set_num_threads(1)
torch.manual_seed(0)
options = dict(init_r=4, target_r=2, lora_alpha=6, tinit=2, tfinal=3, deltaT=2, beta1=0.8, beta2=0.7, orth_reg_weight=0.3)
steps = 12
base = GPT2LMHeadModel.from_pretrained(parity / 'gpt2-tiny')
for name, value in vars(base.config).items():
    if name.endswith('_pdrop'):
        setattr(base.config, name, 0.0)
model = get_peft_model(base, AdaLoraConfig(**options, total_step=steps, target_modules=['c_attn'], task_type='CAUSAL_LM'))
model.eval()  # no dropout; gradients flow all the same
parameters = {n.replace('.default', ''): p for n, p in model.named_parameters() if p.requires_grad}
kept = {}
with torch.no_grad():
    for name, p in parameters.items():
        p.add_(torch.randn_like(p) * 0.1)
        kept[f'state.{name}'] = p.detach().clone()
batch = json.loads((parity / 'methods/gpt2-tiny/lora.json').read_text())['batch']
tensors = {name: torch.tensor(values) for name, values in batch.items()}


def plain_loss():
    """Cross entropy alone: peft adds the penalty to the loss that it returns."""
    return model.base_model.model(**tensors)


out = plain_loss()
kept['logits_state'] = out.logits.detach().clone()
out.loss.backward()
for name, p in parameters.items():
    kept[f'grad.{name}'] = p.grad.clone()
model.zero_grad()
optimizer = torch.optim.AdamW(parameters.values(), lr=0.02, weight_decay=0.01)
schedule = get_linear_schedule_with_warmup(optimizer, 2, steps)
losses, lrs, ranks = [], [], []
for step in range(1, steps + 1):
    plain = plain_loss().loss
    whole = model(**tensors).loss
    assert whole > plain
    losses.append(plain.item())
    lrs.append(optimizer.param_groups[0]['lr'])
    whole.backward()
    optimizer.step()
    model.base_model.update_and_allocate(step)
    optimizer.zero_grad()
    schedule.step()
    ranks.append(sum(int((p != 0).sum()) for n, p in parameters.items() if n.endswith('lora_E')))
for name, p in parameters.items():
    kept[f'final.{name}'] = p.detach().clone()
save_file({k: v.contiguous() for k, v in kept.items()}, here / 'adalora.safetensors')
(here / 'adalora.json').write_text(
    json.dumps(
        dict(
            options=options,
            batch=batch,
            loss_state=out.loss.item(),
            adamw=dict(lrs=lrs, losses=losses, loss_final=plain_loss().loss.item(), weight_decay=0.01),
            ranks=ranks,
        )
    )
    + '\n'
)
print(ranks, losses)
