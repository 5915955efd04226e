"""Writes model.safetensors and golden.json beside itself: the logits of one tiny Llama with biases under every scaling of
rotary embeddings, in the configuration's old and new forms (transformers 5.23, torch 2.15, float32, eager attention).

    python test/golden/llama-rope/make.py
"""

import json
import pathlib

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

torch.manual_seed(5)
torch.set_num_threads(1)
here = pathlib.Path(__file__).parent
shape = dict(
    model_type='llama',
    vocab_size=13,
    hidden_size=16,
    intermediate_size=24,
    num_hidden_layers=1,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=6,
    max_position_embeddings=64,
    rms_norm_eps=1e-5,
    attention_bias=True,
    mlp_bias=True,
    tie_word_embeddings=True,
)
llama3 = dict(factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)
variants = {
    'default': dict(rope_parameters=dict(rope_type='default', rope_theta=100.0)),
    'theta apart': dict(rope_theta=100.0, rope_scaling=None),
    'linear': dict(rope_parameters=dict(rope_type='linear', rope_theta=100.0, factor=4.0)),
    'linear, old': dict(rope_theta=100.0, rope_scaling=dict(type='linear', factor=4.0)),
    'dynamic': dict(rope_parameters=dict(rope_type='dynamic', rope_theta=100.0, factor=2.0)),
    'llama3': dict(rope_parameters=dict(rope_type='llama3', rope_theta=100.0, **llama3)),
    'llama3, old': dict(rope_theta=100.0, rope_scaling=dict(rope_type='llama3', **llama3)),
}

model = LlamaForCausalLM(LlamaConfig(**shape, initializer_range=0.3, **variants['default']))
with torch.no_grad():
    for name, tensor in model.named_parameters():
        if name.endswith('.bias'):
            tensor.normal_(0, 0.2)
model.save_pretrained(here / 'tmp', safe_serialization=True)
(here / 'tmp' / 'model.safetensors').rename(here / 'model.safetensors')
state = model.state_dict()

ids = torch.randint(0, 13, (2, 60))
ids[1, :7] = 0
mask = torch.ones_like(ids)
mask[1, :7] = 0
positions = (mask.cumsum(1) - 1).masked_fill(mask == 0, 1)
golden = {'batch': {'input_ids': ids.tolist(), 'attention_mask': mask.tolist(), 'position_ids': positions.tolist()}}
golden['variants'] = {}
for name, rope in variants.items():
    other = LlamaForCausalLM._from_config(LlamaConfig(**shape, **rope), attn_implementation='eager')
    other.load_state_dict(state)
    with torch.no_grad():
        logits = other.eval()(ids, attention_mask=mask, position_ids=positions).logits
    # The last token sees all of it.
    golden['variants'][name] = {'config': {**shape, **rope}, 'logits': logits[:, -1].flatten().tolist()}
golden['made_with'] = {'torch': torch.__version__, 'transformers': transformers.__version__}
(here / 'golden.json').write_text(json.dumps(golden))
for left in (here / 'tmp').iterdir():
    left.unlink()
(here / 'tmp').rmdir()
