"""Makes test/golden/writing-rules.json: what lm-eval's hf model writes where generation_config.json has rules.

Run on a CPU with lm_eval 0.4.13, torch 2.15.0, transformers 5.24.0:  python make-writing-rules.py BASE FILE
BASE is metamath-losses/base; every word of its made-up language is a token. `settings` go into
generation_config.json, or into config.json where `in` says so and the other file is missing.
"""
import json
import os
import shutil
import sys
import tempfile

os.environ['HF_HUB_OFFLINE'] = '1'

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

base, out = sys.argv[1:]
PROMPTS = ['balan dopor kitis Question : lumet', 'The answer is nowod nowod nowod', 'Think step by step . rulan', 'silan']
TOKENS = 12


def texts(settings, name='generation_config.json'):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(base, folder, dirs_exist_ok=True)
        if name == 'config.json':
            os.remove(os.path.join(folder, 'generation_config.json'))
        path = os.path.join(folder, name)
        with open(path) as file:
            own = json.load(file)
        with open(path, 'w') as file:
            json.dump({**own, **settings}, file)
        model = HFLM(pretrained=folder, tokenizer=folder, device='cpu', dtype='float32', batch_size=1)
        requests = [Instance('generate_until', {}, (prompt, {'until': ['@'], 'max_gen_toks': TOKENS}), i)
                    for i, prompt in enumerate(PROMPTS)]
        return model.generate_until(requests, disable_tqdm=True)


cases = []
for settings in (
        {}, {'repetition_penalty': 1.3}, {'repetition_penalty': 0.8}, {'no_repeat_ngram_size': 2}, {'max_new_tokens': 3},
        {'max_new_tokens': 20}, {'repetition_penalty': 1.1, 'no_repeat_ngram_size': 3, 'max_new_tokens': 15},
        {'do_sample': True, 'temperature': 0.6, 'top_p': 0.9, 'top_k': 2, 'length_penalty': 2.0}):
    cases.append({'in': 'generation_config.json', 'settings': settings, 'texts': texts(settings)})
settings = {'repetition_penalty': 1.3, 'no_repeat_ngram_size': 2}
cases.append({'in': 'config.json', 'settings': settings, 'texts': texts(settings, 'config.json')})
versions = {name: __import__('importlib.metadata').metadata.version(name)
            for name in ('lm_eval', 'torch', 'transformers')}
with open(out, 'w') as file:
    json.dump({'versions': versions, 'prompts': PROMPTS, 'tokens': TOKENS, 'cases': cases}, file)
for case in cases:
    print(case)
