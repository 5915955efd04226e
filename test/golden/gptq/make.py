"""Writes tiny Llamas in GPTQ's form, and what their dequantised weights compute, beside itself.

    python test/golden/gptq/make.py
    (torch 2.15.0 on the CPU, transformers 5.24.0)

The form is AutoGPTQ's and GPTQModel's: eight codes along the inputs are an int32 of `qweight` [in / 8, out], eight
zero points along the outputs one of `qzeros` [groups, out / 8], the first in the low bits; weight [in, out] =
scales[g] (code - zero[g]) with g = g_idx[in]. The first version stores zero - 1 in four bits.

v1/           desc_act false, groups of 32, and a bias of zeros beside every weight, as AutoGPTQ once saved
v2-ordered/   checkpoint_format gptq_v2, desc_act true: groups of 32 inputs in an order of their own
one-group/    the first version, group_size -1
golden.json   sha256 of the dequantised float32 weights [out, in], and logits of a batch
"""

import hashlib
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

torch.set_num_threads(1)
here = pathlib.Path(__file__).parent


def packed(values, dim):
    """Eight values along a dimension as an int32, the first in the low bits."""
    parts = values.to(torch.int64).movedim(dim, 0)
    parts = parts.reshape(-1, 8, *parts.shape[1:])
    words = sum(parts[:, i] << (4 * i) for i in range(8))
    words = torch.where(words >= 2**31, words - 2**32, words)
    return words.to(torch.int32).movedim(0, dim).contiguous()


def quantised(inputs, outputs, group_size, ordered, version):
    groups = 1 if group_size < 0 else inputs // group_size
    codes = torch.randint(0, 16, (inputs, outputs))
    zeros = torch.randint(0, 16, (groups, outputs))
    zeros[0, :3] = torch.tensor([0, 1, 15])
    scales = (0.02 + 0.03 * torch.rand(groups, outputs)).to(torch.float16)
    group_of = torch.arange(inputs) // (inputs // groups)
    if ordered:
        group_of = group_of[torch.randperm(inputs)]
    stored = zeros if version == 'gptq_v2' else (zeros - 1) & 15
    tensors = {'qweight': packed(codes, 0), 'qzeros': packed(stored, 1), 'scales': scales, 'g_idx': group_of.to(torch.int32)}
    weight = scales.float()[group_of] * (codes - zeros[group_of]).float()
    return tensors, weight.T.contiguous()


def make(name, group_size, ordered, version, biases):
    config = LlamaConfig(
        vocab_size=61, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=False, initializer_range=0.15,
        bos_token_id=1, eos_token_id=2)
    model = LlamaForCausalLM(config).eval()
    tensors, hashes = {}, {}
    for module_name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and module_name != 'lm_head':
            parts, weight = quantised(module.in_features, module.out_features, group_size, ordered, version)
            tensors |= {f'{module_name}.{part}': tensor for part, tensor in parts.items()}
            if biases:
                tensors[f'{module_name}.bias'] = torch.zeros(module.out_features, dtype=torch.float16)
            hashes[f'{module_name}.weight'] = hashlib.sha256(weight.numpy().tobytes()).hexdigest()
            module.weight.data = weight
    for weight_name, tensor in model.state_dict().items():
        if weight_name not in hashes:
            tensors[weight_name] = tensor
    folder = here / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    save_file(tensors, folder / 'model.safetensors')
    quantization = {'quant_method': 'gptq', 'bits': 4, 'group_size': group_size, 'desc_act': ordered, 'sym': False, 'damp_percent': 0.01}
    if version:
        quantization['checkpoint_format'] = version
    written = {key: value for key, value in config.to_dict().items() if value is not None} | {'quantization_config': quantization}
    (folder / 'config.json').write_text(json.dumps(written, indent=1) + '\n')
    ids = torch.randint(3, 61, (2, 7))
    with torch.no_grad():
        logits = model(input_ids=ids).logits
    return {'hashes': hashes, 'input_ids': ids.tolist(), 'logits': [round(x, 7) for x in logits.flatten().tolist()]}


torch.manual_seed(5)
golden = {
    'v1': make('v1', 32, False, None, True),
    'v2-ordered': make('v2-ordered', 32, True, 'gptq_v2', False),
    'one-group': make('one-group', -1, False, 'gptq', False),
}
(here / 'golden.json').write_text(json.dumps(golden) + '\n')
