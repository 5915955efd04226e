"""Writes tiny Llamas that AutoGPTQ itself quantised and packed, and what its own layers compute with them.

    python test/golden/gptq/from-auto-gptq.py      (after make.py, whose golden.json it adds to)
    (auto-gptq 0.7.1, the last release; torch 2.15.0 on the CPU, transformers 5.24.0)

AutoGPTQ's list of models knows no transformers of today, so its parts are called: GPTQ (the algorithm, on random
inputs), QuantLinear.pack (the file's form) and QuantLinear.forward of the identity in float32 (the weights).

auto-gptq/          desc_act false, groups of 32, symmetric
auto-gptq-ordered/  desc_act true, groups of 32, not symmetric
"""

import hashlib
import importlib
import importlib.util
import json
import pathlib
import shutil
import sys
import types

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

torch.set_num_threads(1)
torch.cuda.synchronize = lambda: None
here = pathlib.Path(__file__).parent
# The package's own __init__ imports models that transformers 5 no longer has.
package = types.ModuleType('auto_gptq')
package.__path__ = list(importlib.util.find_spec('auto_gptq').submodule_search_locations)
sys.modules['auto_gptq'] = package
for folder in ('nn_modules', 'nn_modules.qlinear', 'quantization'):
    part = types.ModuleType(f'auto_gptq.{folder}')
    part.__path__ = [str(pathlib.Path(package.__path__[0], *folder.split('.')))]
    sys.modules[part.__name__] = part
GPTQ = importlib.import_module('auto_gptq.quantization.gptq').GPTQ
QuantLinear = importlib.import_module('auto_gptq.nn_modules.qlinear.qlinear_cuda').QuantLinear


def quantised(linear, ordered):
    """AutoGPTQ's packed layer of a linear module."""
    algorithm = GPTQ(linear)
    algorithm.quantizer.configure(4, perchannel=True, sym=not ordered, mse=False)
    algorithm.add_batch(torch.randn(1, 256, linear.in_features), None)
    scale, zero, g_idx = algorithm.fasterquant(group_size=32, actorder=ordered)
    layer = QuantLinear(4, 32, linear.in_features, linear.out_features, bias=False)
    layer.pack(linear.half(), scale.half(), zero, g_idx)
    return layer


def make(name, ordered):
    config = LlamaConfig(
        vocab_size=61, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=False, initializer_range=0.15,
        bos_token_id=1, eos_token_id=2)
    model = LlamaForCausalLM(config).eval()
    tensors, hashes = {}, {}
    for module_name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and module_name != 'lm_head':
            layer = quantised(torch.nn.Linear(module.in_features, module.out_features, bias=False), ordered)
            tensors |= {f'{module_name}.{part}': tensor.clone() for part, tensor in layer.state_dict().items()}
            # A kernel for the CPU is there in no release; with the identity its products are the weights.
            layer.autogptq_cuda_available = False
            with torch.no_grad():
                weight = layer.float()(torch.eye(module.in_features)).T.contiguous()
            hashes[f'{module_name}.weight'] = hashlib.sha256(weight.numpy().tobytes()).hexdigest()
            module.weight.data = weight
    for weight_name, tensor in model.state_dict().items():
        if weight_name not in hashes:
            tensors[weight_name] = tensor
    folder = here / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    save_file(tensors, folder / 'model.safetensors')
    quantization = {
        'bits': 4, 'group_size': 32, 'damp_percent': 0.01, 'desc_act': ordered, 'static_groups': False,
        'sym': not ordered, 'true_sequential': True, 'model_name_or_path': None, 'model_file_base_name': None,
        'is_marlin_format': False, 'quant_method': 'gptq', 'checkpoint_format': 'gptq',
    }
    written = {key: value for key, value in config.to_dict().items() if value is not None}
    written |= {'quantization_config': quantization}
    (folder / 'config.json').write_text(json.dumps(written, indent=1) + '\n')
    ids = torch.randint(3, 61, (2, 7))
    with torch.no_grad():
        logits = model(input_ids=ids).logits
    return {'hashes': hashes, 'input_ids': ids.tolist(), 'logits': [round(x, 7) for x in logits.flatten().tolist()]}


torch.manual_seed(28)
golden = json.loads((here / 'golden.json').read_text())
golden |= {'auto-gptq': make('auto-gptq', False), 'auto-gptq-ordered': make('auto-gptq-ordered', True)}
(here / 'golden.json').write_text(json.dumps(golden) + '\n')
