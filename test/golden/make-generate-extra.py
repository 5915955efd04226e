"""Writes generate-extra.json: what transformers' generate makes of gpt2-tiny's prompts under settings that generate.json lacks.

    python test/golden/make-generate-extra.py PARITY/gpt2-tiny > test/golden/generate-extra.json
"""

import json
import sys

import torch
import transformers
from transformers import GPT2LMHeadModel

folder = sys.argv[1]
golden = json.load(open(f'{folder}/generate.json'))
torch.set_num_threads(1)
kept = ('model', 'batch', 'prompt_length', 'eos_token_id', 'pad_token_id', 'max_new_tokens', 'padding_side')

settings = {
    'greedy_penalty1.3': dict(num_beams=1, repetition_penalty=1.3),
    'greedy_penalty0.8': dict(num_beams=1, repetition_penalty=0.8),
    'greedy_min12': dict(num_beams=1, min_new_tokens=12),
    'greedy_min12_ngram3_penalty1.2': dict(
        num_beams=1, min_new_tokens=12, no_repeat_ngram_size=3, repetition_penalty=1.2
    ),
    'beam4_penalty1.3': dict(num_beams=4, repetition_penalty=1.3),
    'beam4_penalty0.8': dict(num_beams=4, repetition_penalty=0.8),
    'beam4_min12': dict(num_beams=4, min_new_tokens=12, early_stopping=True),
    'beam4_ngram1': dict(num_beams=4, no_repeat_ngram_size=1),
    'beam10_ngram4_lp0.9_min6_penalty1.1': dict(
        num_beams=10, no_repeat_ngram_size=4, length_penalty=0.9, min_new_tokens=6, repetition_penalty=1.1
    ),
    'beam4_lp0': dict(num_beams=4, length_penalty=0.0, early_stopping='never'),
    'beam3_lp-1_return3': dict(num_beams=3, length_penalty=-1.0, early_stopping='never', num_return_sequences=3),
    'beam5_ngram2_return5_early': dict(
        num_beams=5, no_repeat_ngram_size=2, num_return_sequences=5, early_stopping=True
    ),
}


def run(model, config):
    out = model.generate(
        input_ids=torch.tensor(golden['batch']['input_ids']),
        attention_mask=torch.tensor(golden['batch']['attention_mask']),
        max_new_tokens=golden['max_new_tokens'],
        do_sample=False,
        eos_token_id=golden['eos_token_id'],
        pad_token_id=0,
        return_dict_in_generate=True,
        output_scores=True,
        **config,
    )
    scores = getattr(out, 'sequences_scores', None)
    return out.sequences.tolist(), None if scores is None else scores.tolist()


def load(dtype):
    return GPT2LMHeadModel.from_pretrained(folder, attn_implementation='eager', dtype=dtype).eval()


narrow, wide = load(torch.float32), load(torch.float64)
runs = {}
for name, config in settings.items():
    sequences, scores = run(narrow, config)
    runs[name] = {'config': config, 'sequences': sequences, 'same_in_float64': run(wide, config)[0] == sequences}
    if scores is not None:
        runs[name]['sequences_scores'] = scores
json.dump(
    {
        'made_with': f'torch {torch.__version__}, transformers {transformers.__version__}; make-generate-extra.py',
        **{key: golden[key] for key in kept},
        'runs': runs,
    },
    sys.stdout,
)
