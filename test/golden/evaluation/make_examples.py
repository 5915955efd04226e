#!/usr/bin/env python3
"""Prints the SHA-1 of few-shot examples that lm-evaluation-harness 0.4.13 draws where rows repeat.

Usage: make_examples.py. Row i of the pool has the id i % 3 and the text i % 9, document i the id i % 4 and the text
i % 11: some are the same row, some the same text under another id. examples.test.ts holds ours to the hash.
Needs: pip install lm-eval==0.4.13.
"""
import hashlib, json
from lm_eval.api.samplers import ContextSampler

row = lambda id, text: dict(ind=id, activity_label=f"activity {text}")
sampler = ContextSampler([row(i % 3, i % 9) for i in range(14)], rnd=1234)
drawn = [sampler.sample(4, eval_doc=row(i % 4, i % 11)) for i in range(60)]
names = [[f"{one['ind']} {one['activity_label']}" for one in own] for own in drawn]
print(hashlib.sha1(json.dumps(names, separators=(",", ":")).encode()).hexdigest())
