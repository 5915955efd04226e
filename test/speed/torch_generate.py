#!/usr/bin/env python3
"""Beam search of transformers on a random GPT-2, timed: the other side of deltabench's decoding benchmark.

Needs: pip install torch transformers. Prints a JSON object of its versions. For each number n on standard input it
then decodes n prompts of 50 tokens as one batch and prints the milliseconds.
"""
import argparse, json, resource, sys, time
import torch, transformers
from transformers import GPT2Config, GPT2LMHeadModel

p = argparse.ArgumentParser()
for name, default in dict(layers=6, width=384, heads=6, vocab=8000, beams=10, new=30, threads=2).items():
    p.add_argument(f"--{name}", type=int, default=default)
a = p.parse_args()
torch.set_num_threads(a.threads)
torch.manual_seed(0)
model = GPT2LMHeadModel(GPT2Config(n_layer=a.layers, n_embd=a.width, n_head=a.heads, vocab_size=a.vocab)).eval()
settings = dict(
    do_sample=False,
    num_beams=a.beams,
    max_new_tokens=a.new,
    eos_token_id=None,
    pad_token_id=0,
    no_repeat_ngram_size=4,
    length_penalty=0.9,
)


def decode(n):
    ids = torch.randint(0, a.vocab, (n, 50))
    start = time.perf_counter()
    with torch.inference_mode():
        model.generate(ids, attention_mask=torch.ones_like(ids), **settings)
    return (time.perf_counter() - start) * 1e3


decode(1)
print(json.dumps(dict(versions=dict(torch=torch.__version__, transformers=transformers.__version__))), flush=True)
for line in sys.stdin:
    times = [decode(int(line))]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(dict(times=times, peak=peak)), flush=True)
