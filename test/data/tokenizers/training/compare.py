"""Trains byte pairs with tokenizers, and encodes texts with transformers by tokenizers that deltabench wrote.

python compare.py TEXTS.json SAMPLES.json FOLDER...: prints [{"merges", "ids"}] as JSON, one for each folder; merges are null
where the model is another one.
"""

import json
import sys

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoTokenizer


def train_merges(written, split, texts):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = split
    trainer = trainers.BpeTrainer(
        vocab_size=len(written["model"]["vocab"]),
        special_tokens=[token["content"] for token in written["added_tokens"]],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return [" ".join(pair) for pair in json.loads(tokenizer.to_str())["model"]["merges"]]


texts, samples = (json.load(open(path)) for path in sys.argv[1:3])
found = []
for folder in sys.argv[3:]:
    path = f"{folder}/tokenizer.json"
    written = json.load(open(path))
    bpe = written["model"]["type"] == "BPE"
    merges = train_merges(written, Tokenizer.from_file(path).pre_tokenizer, texts) if bpe else None
    ids = AutoTokenizer.from_pretrained(folder)(samples)["input_ids"]
    found.append({"merges": merges, "ids": ids})
print(json.dumps(found))
