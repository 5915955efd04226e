"""Writes what bitsandbytes, transformers and peft make of four-bit weights, beside itself.

    python test/golden/four-bit/make.py
    (torch 2.15.0 on the CPU, bitsandbytes 0.50.2, transformers 5.24.0, peft 0.21.2)

arrays.safetensors   random matrices `<name>`; their bytes `<name>.<kind>.<block>` and scales `….absmax`
base/                a tiny Llama of random weights, whose rows are whole blocks: bitsandbytes' CPU code is wrong elsewhere
nf4/ nf4-double/     that Llama as transformers saves it
training.json        batch, losses and ten steps of AdamW with peft's LoRA and DoRA; tensors in training.safetensors
gpt2.json            sha256 of the bytes of test/golden/parity/gpt2-tiny's weights in NF4
weights.json         sha256 of the dequantised float32 weights of nf4/ and nf4-double/
"""

import hashlib
import json
import pathlib
import shutil

import bitsandbytes.functional as F
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

torch.set_num_threads(1)
here = pathlib.Path(__file__).parent


def sha(tensor):
    return hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()


def arrays():
    torch.manual_seed(1)
    matrices = {'plain': torch.randn(6, 64), 'crossing': torch.randn(5, 96), 'odd': torch.randn(3, 25)}
    matrices['zeros'] = torch.cat([torch.zeros(1, 64), torch.randn(1, 64), torch.zeros(1, 64)])
    # Multiples of the scale's 64th lie on midpoints and table values of FP4, and on zero.
    matrices['ties'] = torch.arange(-64, 64).reshape(2, 64) / 64
    matrices['tiny'] = torch.randn(2, 64) * 1e-39
    out = dict(matrices)
    for name, matrix in matrices.items():
        for kind in ['nf4', 'fp4']:
            for block in [32, 64]:
                codes, state = F.quantize_4bit(matrix, blocksize=block, quant_type=kind)
                out[f'{name}.{kind}.{block}'] = codes.reshape(-1)
                out[f'{name}.{kind}.{block}.absmax'] = state.absmax
    torch.manual_seed(2)
    scales = torch.rand(600) + 0.5
    offset = scales.mean()
    codes, state = F.quantize_blockwise(scales - offset, blocksize=256)
    out['scales'] = scales
    out['scales.double'] = F.dequantize_blockwise(codes, state) + offset
    save_file(out, here / 'arrays.safetensors')


def base():
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=61, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=False, initializer_range=0.15,
    )
    LlamaForCausalLM(config).save_pretrained(here / 'base')
    (here / 'base' / 'generation_config.json').unlink()


def four_bit(folder, kind='nf4', double=False):
    config = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type=kind, bnb_4bit_use_double_quant=double, bnb_4bit_compute_dtype=torch.float32
    )
    return AutoModelForCausalLM.from_pretrained(
        folder, quantization_config=config, dtype=torch.float32, device_map='cpu', attn_implementation='eager'
    ).eval()


def checkpoints():
    hashes = {}
    for name, double in [('nf4', False), ('nf4-double', True)]:
        model = four_bit(here / 'base', double=double)
        shutil.rmtree(here / name, ignore_errors=True)
        model.save_pretrained(here / name)
        (here / name / 'generation_config.json').unlink(missing_ok=True)
        hashes[name] = {
            f'{key}.weight': sha(F.dequantize_4bit(module.weight.data, module.weight.quant_state))
            for key, module in model.named_modules()
            if type(module).__name__ == 'Linear4bit'
        }
    (here / 'weights.json').write_text(json.dumps(hashes, indent=1) + '\n')


def gpt2():
    model = four_bit(here.parent / 'parity' / 'gpt2-tiny')
    hashes = {
        f'{key}.weight': sha(module.weight.data.reshape(-1))
        for key, module in model.named_modules()
        if type(module).__name__ == 'Linear4bit'
    }
    (here / 'gpt2.json').write_text(json.dumps(hashes, indent=1) + '\n')


def train(folder, kind, dora, tensors, name):
    model = four_bit(folder, kind)
    torch.manual_seed(5)
    peft = LoraConfig(
        r=4, lora_alpha=8, target_modules=['q_proj', 'v_proj', 'down_proj'], task_type='CAUSAL_LM', use_dora=dora
    )
    model = get_peft_model(model, peft).train()
    parameters = {key.replace('.default', ''): p for key, p in model.named_parameters() if p.requires_grad}
    with torch.no_grad():
        for key, p in parameters.items():
            p += torch.randn_like(p) * (0.02 if 'magnitude' in key else 0.1)
            tensors[f'{name}.state.{key}'] = p.detach().clone()
    ids = torch.randint(0, 61, (3, 12), generator=torch.Generator().manual_seed(6))
    optimizer = torch.optim.AdamW(parameters.values(), lr=1e-2, weight_decay=0.01)
    losses = []
    for step in range(11):
        out = model(input_ids=ids, labels=ids)
        losses.append(out.loss.item())
        if step == 10:
            break
        optimizer.zero_grad()
        out.loss.backward()
        if step == 0:
            tensors[f'{name}.logits'] = out.logits.detach().clone()
            for key, p in parameters.items():
                tensors[f'{name}.grad.{key}'] = p.grad.clone()
        optimizer.step()
    batch = {'input_ids': ids.tolist(), 'attention_mask': torch.ones_like(ids).tolist(), 'labels': ids.tolist()}
    return {'batch': batch, 'losses': losses, 'lr': 1e-2, 'weight_decay': 0.01}


arrays()
base()
checkpoints()
gpt2()
tensors = {}
runs = {
    'lora-nf4': train(here / 'base', 'nf4', False, tensors, 'lora-nf4'),
    'lora-fp4': train(here / 'base', 'fp4', False, tensors, 'lora-fp4'),
    'dora-nf4': train(here / 'base', 'nf4', True, tensors, 'dora-nf4'),
    'lora-nf4-double': train(here / 'nf4-double', 'nf4', False, tensors, 'lora-nf4-double'),
}
(here / 'training.json').write_text(json.dumps(runs) + '\n')
save_file(tensors, here / 'training.safetensors')
