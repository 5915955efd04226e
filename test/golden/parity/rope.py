"""Writes rope.json: the angles and the factor that transformers makes of rotary settings, as it writes them and as
older files do.

    python test/golden/parity/rope.py

Made with torch 2.15.0 (CPU, float32) and transformers 5.24.0.
"""

import itertools
import json
import pathlib

import transformers
from transformers import AutoConfig
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
from transformers.models.qwen2.modeling_qwen2 import Qwen2RotaryEmbedding

rotary = {'llama': LlamaRotaryEmbedding, 'qwen2': Qwen2RotaryEmbedding}
sizes = dict(
    vocab_size=41,
    hidden_size=64,
    intermediate_size=20,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=2,
    max_position_embeddings=128,
)


def settings():
    yarn = dict(rope_type='yarn', factor=4.0, original_max_position_embeddings=32)
    yield from [
        yarn,
        dict(yarn, attention_factor=0.75),
        dict(yarn, beta_fast=8.0, beta_slow=0.5),
        dict(yarn, truncate=False),
        dict(yarn, truncate=False, beta_fast=4.0, beta_slow=2.0),
        dict(yarn, mscale=0.7, mscale_all_dim=1.4),
        dict(yarn, mscale=0.7),
        dict(yarn, mscale_all_dim=1.4),
        dict(yarn, mscale=0.0, mscale_all_dim=0.0),
        dict(yarn, factor=1.0),
        dict(yarn, factor=0.5),
        dict(rope_type='yarn', factor=4.0),
        # A ramp without width.
        dict(yarn, beta_fast=1.0, beta_slow=1.0),
        dict(rope_type='linear', factor=3.0),
        dict(rope_type='dynamic', factor=3.0),
        dict(
            rope_type='llama3',
            factor=8.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            original_max_position_embeddings=32,
        ),
        dict(rope_type='default'),
    ]


def config_of(family, rope, theta, form):
    if form == 'rope_parameters':
        return dict(sizes, model_type=family, rope_parameters=dict(rope, rope_theta=theta))
    kind = rope['rope_type']
    named = {('type' if form == 'type' else 'rope_type'): kind}
    old = named | {key: value for key, value in rope.items() if key != 'rope_type'}
    return dict(sizes, model_type=family, rope_theta=theta, rope_scaling=None if kind == 'default' else old)


cases = []
for family, rope, theta, form in itertools.product(
    rotary, settings(), [100.0, 10000.0, 1000000.0], ['rope_parameters', 'rope_scaling', 'type']
):
    config = config_of(family, rope, theta, form)
    try:
        made = rotary[family](AutoConfig.for_model(**config))
    except Exception as error:
        print(type(error).__name__, error, config)
        continue
    cases.append(dict(config=config, frequencies=made.inv_freq.tolist(), scale=made.attention_scaling))
path = pathlib.Path(__file__).parent / 'rope.json'
path.write_text(json.dumps(dict(made_with=dict(transformers=transformers.__version__), cases=cases)) + '\n')
print(len(cases))
