"""Makes test/golden/metamath-losses: losses of a tiny Llama as peft's method_comparison trains it on MetaMathQA.

Run on a CPU with peft 0.21.2, torch 2.15.0, transformers 5.24.0, datasets 5.2.0, where CODE is the folder
method_comparison/MetaMathQA of huggingface/peft at 5d602fd:  python make-metamath.py CODE FOLDER
Its own data.py and train() of run.py run as they are, on made-up rows in the files' form; only what the hub, a
GPU or bitsandbytes would give is replaced. The text is made up of invented words; every word is a token.
"""
import json
import os
import random
import sys
import types

code, out = sys.argv[1:]
os.environ['HF_HUB_OFFLINE'] = '1'
sys.path.insert(0, code)
sys.modules['bitsandbytes'] = types.ModuleType('bitsandbytes')

import peft.utils
# The code refuses to be imported without a GPU; it then asks torch.cuda for memory alone, which answers 0.
peft.utils.infer_device = lambda: 'cuda'

import datasets
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import peft
import data
import run
import utils

del sys.modules['bitsandbytes']

STEPS, BATCH, LENGTH = 70, 4, 40
LENGTHS = [4, 30]
random.seed(0)
torch.manual_seed(0)

WORDS = [a + b for a in ('ba', 'do', 'ki', 'lu', 'me', 'no', 'ru', 'si') for b in ('lan', 'met', 'por', 'tis', 'vek', 'wod', 'zun')]
vocab = {word: i for i, word in enumerate(
    ['<unk>', '<s>', '</s>', 'Question', ':', 'Think', 'step', 'by', '.', 'Answer', 'The', 'answer', 'is', *WORDS])}
inner = Tokenizer(models.WordLevel(vocab, unk_token='<unk>'))
inner.pre_tokenizer = pre_tokenizers.Whitespace()
inner.post_processor = processors.TemplateProcessing(single='<s> $A', special_tokens=[('<s>', 1)])
base = os.path.join(out, 'base')
PreTrainedTokenizerFast(tokenizer_object=inner, bos_token='<s>', eos_token='</s>', unk_token='<unk>').save_pretrained(base)

LlamaForCausalLM(LlamaConfig(
    vocab_size=len(vocab), hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=128, initializer_range=0.25, tie_word_embeddings=True,
    bos_token_id=1, eos_token_id=2, rope_theta=10000.0)).save_pretrained(base)


def words(n):
    return ' '.join(random.choices(WORDS, k=n))


# Some rows are cut to LENGTH tokens; one has too many characters and is left out, so that all after it move.
rows = [{'query': words(random.randint(*LENGTHS)), 'response': words(random.randint(*LENGTHS)),
         'type': 'made up', 'original_question': ''} for _ in range(STEPS * BATCH + 21)]
rows[5]['response'] = words(250)
assert len(rows[5]['response']) > data.CHAR_LIMIT
gsm8k = {'train': [{'question': words(5), 'answer': f'{words(3)} #### {i}'} for i in range(60)],
         'test': [{'question': words(5), 'answer': f'{words(3)} #### {i}'} for i in range(2)]}
made_up = {'meta-math/MetaMathQA': {'train': rows}, 'openai/gsm8k': gsm8k}
data.load_dataset = lambda name, *_: datasets.DatasetDict(
    {split: datasets.Dataset.from_list(of) for split, of in made_up[name].items()})

# What would read the hub, or write texts: no loss depends on it.
run.print_verbose = lambda *_: None
run.get_wiki_small = lambda: []
run.calculate_mean_per_token_loss = lambda **_: 1.5
run.evaluate = lambda *, ds, **_: ([''] * len(ds), [''] * len(ds))

configs = {
    'lora': peft.LoraConfig(r=4, lora_alpha=8, target_modules=['q_proj', 'v_proj'], task_type='CAUSAL_LM'),
    'prompt': peft.PromptTuningConfig(num_virtual_tokens=5, task_type='CAUSAL_LM'),
    'miss': peft.MissConfig(r=4, target_modules=['q_proj', 'v_proj'], task_type='CAUSAL_LM'),
}
losses = {}
for name, config in configs.items():
    tokenizer = utils.get_tokenizer(model_id=base, max_seq_length=LENGTH)
    model = peft.get_peft_model(LlamaForCausalLM.from_pretrained(base, dtype=torch.float32), config)
    model.save_pretrained(os.path.join(out, name))
    os.remove(os.path.join(out, name, 'README.md'))
    if name == 'prompt':
        # peft's loop also learns the first token, from the last virtual one; deltabench does not.
        forward = model.forward
        model.forward = lambda labels, **others: forward(
            labels=labels.index_fill(1, torch.tensor([0]), -100), **others)
    result = run.train(
        model=model, max_steps=STEPS, batch_size=BATCH, batch_size_eval=50, tokenizer=tokenizer,
        accelerator_memory_init=0, eval_steps=STEPS, generation_kwargs={}, grad_norm_clip=1.0,
        optimizer_type='AdamW', optimizer_kwargs={'lr': 0.01, 'weight_decay': 0.1},
        query_template='Question: {query} Think step by step.\nAnswer:', lr_scheduler_arg='cosine', use_amp=False,
        is_adalora=False, init_kv_cache_prefix=None, is_adamss=False)
    assert len(result.losses) == STEPS, result
    losses[name] = result.losses

lengths = [[random.randint(1, most) for _ in range(n)] for n in (16, 17, 80, 80, 80, 300) for most in (3, 20, 200)]
orders = [torch.argsort(torch.tensor(numbers), descending=True).tolist() for numbers in lengths]

versions = {name: __import__('importlib.metadata').metadata.version(name)
            for name in ('peft', 'torch', 'transformers', 'datasets')}
train = [{key: row[key] for key in ('query', 'response')} for row in rows]
with open(os.path.join(out, 'golden.json'), 'w') as file:
    json.dump({'versions': versions, 'length': LENGTH, 'batch_size': BATCH, 'steps': STEPS, 'learning_rate': 0.01,
               'weight_decay': 0.1, 'clip': 1.0, 'train': train, 'gsm8k': gsm8k, 'losses': losses,
               'lengths': lengths, 'orders': orders}, file)
print({name: (of[:3], of[-3:]) for name, of in losses.items()})
