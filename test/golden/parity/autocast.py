"""Losses, logits and gradients of the tiny models under torch.autocast on the CPU, beside the float32 goldens.

python autocast.py [bfloat16]     (torch 2.15.0, transformers 5.24.0, peft 0.21.2; one thread, eager attention)
Reads <model>/ and methods/<model>/<method>.{json,safetensors}; writes <type>/<model>/<method>.{json,safetensors}:
`loss`, and the tensors `logits` and `grad.<name>` at the golden's state; `generate.json`: greedy ids of the golden's prompts.
"""
import json, os, sys
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

here = os.path.dirname(os.path.abspath(__file__))
name = (sys.argv + ['bfloat16'])[1]
dtype = getattr(torch, name)
torch.set_num_threads(1)
KINDS = {'gpt2-tiny': AutoModelForCausalLM, 'roberta-tiny': AutoModelForSequenceClassification}


class Red(torch.nn.Module):
    def __init__(self, linear, width):
        super().__init__()
        self.linear = linear
        self.red = torch.nn.ParameterDict({'s': torch.ones(width), 'b': torch.zeros(width)})

    def forward(self, x):
        return self.linear(x) * self.red['s'] + self.red['b']


def build(model, method, golden):
    base = KINDS[model].from_pretrained(f'{here}/{model}', attn_implementation='eager').eval()
    if method == 'lora':
        kept = ['r', 'target_modules', 'lora_alpha', 'fan_in_fan_out', 'task_type', 'modules_to_save']
        base = get_peft_model(base, LoraConfig(**{k: v for k, v in golden['config'].items() if k in kept})).eval()
    if method == 'red-ffn':
        for site in golden['config']['sites']:
            parent, last = base.get_submodule(site.rpartition('.')[0]), site.rpartition('.')[2]
            setattr(parent, last, Red(getattr(parent, last), base.config.hidden_size))
    names = {p.replace('.linear.', '.').replace('.modules_to_save.default', '').replace('.default', ''): p for p, _ in base.named_parameters()}
    return base, names


for model in KINDS:
    folder = f'{here}/{name}/{model}'
    os.makedirs(folder, exist_ok=True)
    for method in ['full', 'lora', 'red-ffn']:
        golden = json.load(open(f'{here}/methods/{model}/{method}.json'))
        tensors = load_file(f'{here}/methods/{model}/{method}.safetensors')
        module, names = build(model, method, golden)
        parameters = dict(module.named_parameters())
        trained = {t['name']: parameters[names[t['name']]] for t in golden['trainable']}
        for parameter in parameters.values():
            parameter.requires_grad_(False)
        for key, parameter in trained.items():
            parameter.requires_grad_(True)
            if f'state.{key}' in tensors:
                parameter.data.copy_(tensors[f'state.{key}'])
        batch = {k: torch.tensor(v) for k, v in golden['batch'].items()}
        plain = module(**batch).loss.item()
        assert abs(plain / golden['loss_state'] - 1) < 1e-5, (model, method, plain, golden['loss_state'])
        with torch.autocast('cpu', dtype=dtype):
            out = module(**batch)
        out.loss.backward()
        assert all(p.grad.dtype == torch.float32 for p in trained.values())
        save_file({'logits': out.logits.detach().float().contiguous(), **{f'grad.{k}': p.grad.contiguous() for k, p in trained.items()}}, f'{folder}/{method}.safetensors')
        json.dump({'loss': out.loss.item(), 'loss_float32': plain}, open(f'{folder}/{method}.json', 'w'))
        print(model, method, plain, out.loss.item())

model = AutoModelForCausalLM.from_pretrained(f'{here}/gpt2-tiny', attn_implementation='eager').eval()
golden = json.load(open(f'{here}/gpt2-tiny/generate.json'))
batch = {k: torch.tensor(v) for k, v in golden['batch'].items()}
with torch.autocast('cpu', dtype=dtype):
    ids = model.generate(**batch, max_new_tokens=golden['max_new_tokens'], do_sample=False, eos_token_id=golden['eos_token_id'], pad_token_id=golden['pad_token_id'])
json.dump({'sequences': ids.tolist()}, open(f'{here}/{name}/gpt2-tiny/generate.json', 'w'))
