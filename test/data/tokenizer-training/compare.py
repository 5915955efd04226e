"""Trains byte pairs with tokenizers, and encodes texts with transformers by the tokenizer of a folder that deltabench wrote.

python compare.py FOLDER TEXTS.json SAMPLES.json: prints {"class", "merges", "ids"} as JSON; merges are null where the model
is another one.
"""

import json
import sys

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

folder, texts, samples = sys.argv[1], json.load(open(sys.argv[2])), json.load(open(sys.argv[3]))
written = json.load(open(f"{folder}/tokenizer.json"))
tokenizer = AutoTokenizer.from_pretrained(folder)
merges = None
if written["model"]["type"] == "BPE":
    theirs = Tokenizer(models.BPE())
    theirs.pre_tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json").pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=len(written["model"]["vocab"]),
        special_tokens=[token["content"] for token in written["added_tokens"]],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    theirs.train_from_iterator(texts, trainer)
    merges = [" ".join(pair) for pair in json.loads(theirs.to_str())["model"]["merges"]]
print(json.dumps({"class": type(tokenizer).__name__, "merges": merges, "ids": tokenizer(samples)["input_ids"]}))
