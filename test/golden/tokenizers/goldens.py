"""Writes the goldens of tokenizers: cases.json, and golden.json of what AutoTokenizer reads. make.py tells their form."""

import base64
import hashlib
import json
import os
import tempfile

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"

from tokenizers import Tokenizer
from transformers import AutoTokenizer
from transformers.utils import logging

logging.set_verbosity_error()


def written(content, name, models):
    """A case's file as bytes."""
    if "base64" in content:
        return base64.b64decode(content["base64"])
    if "vocab of" in content:
        content = models[content["vocab of"]]["vocab"]
    elif "merges of" in content:
        merges = models[content["merges of"]]["merges"]
        return "\n".join(["#version: 0.2"] + [" ".join(m) for m in merges] + [""]).encode()
    elif name == "tokenizer.json":
        model = dict(content["model"])
        content = {**content, "model": {**models[model.pop("model")], **model}}
    return json.dumps(content).encode()


def golden(files, models, texts):
    with tempfile.TemporaryDirectory() as place:
        for name, content in files.items():
            with open(os.path.join(place, name), "wb") as file:
                file.write(written(content, name, models))
        rows, ids = [], {}
        if len(files) == 1:
            tokenizer = Tokenizer.from_file(os.path.join(place, "tokenizer.json"))
            encode = lambda t, special: tokenizer.encode(t, add_special_tokens=special).ids
            pair = lambda a, b: (lambda e: (e.ids, e.type_ids))(tokenizer.encode(a, b))
            decode = lambda i, skip: tokenizer.decode(i, skip_special_tokens=skip)
        else:
            tokenizer = AutoTokenizer.from_pretrained(place)
            encode = lambda t, special: tokenizer(t, add_special_tokens=special)["input_ids"]
            pair = lambda a, b: (lambda e: (e["input_ids"], e["token_type_ids"]))(tokenizer(a, b, return_token_type_ids=True))
            decode = lambda i, skip: tokenizer.decode(i, skip_special_tokens=skip)
            ids = {role: getattr(tokenizer, f"{role}_token_id") for role in ("eos", "bos", "pad")}
        for i, text in enumerate(texts):
            bare, special = encode(text, False), encode(text, True)
            # transformers drops an empty second text.
            both, types = pair(text, next(t for t in texts[i + 1 :] + texts if t))
            rows.append([bare, special, both, types, decode(bare, False), decode(special, True)])
        return {"ids": ids, "rows": rows}


def digest(row):
    return hashlib.sha256(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()[:8]


def write_goldens(folder, texts, models, cases):
    goldens, whole = {}, {}
    for name, made in cases.items():
        try:
            found = golden(made["files"], models, texts)
            whole[name] = found["rows"]
            goldens[name] = {"ids": found["ids"], "rows": "".join(digest(row) for row in found["rows"])}
        except BaseException as error:  # Rust's panics are no Exception.
            goldens[name] = {"error": f"{type(error).__name__}: {error}"[:200]}
    # What many cases share is written once.
    contents, places = [], {}

    def place_of(content):
        key = json.dumps(content)
        if key not in places:
            places[key] = len(contents)
            contents.append(content)
        return places[key]

    listed = {name: {file: place_of(content) for file, content in made["files"].items()} for name, made in cases.items()}
    os.makedirs(folder, exist_ok=True)
    for name, content in [("cases.json", {"texts": texts, "models": models, "contents": contents, "cases": listed}), ("golden.json", goldens)]:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, separators=(",", ":"))
    if os.environ.get("WHOLE"):
        with open(os.environ["WHOLE"], "w", encoding="utf-8") as file:
            json.dump(whole, file, ensure_ascii=False)
    print(len(cases), "cases,", sum("error" in g for g in goldens.values()), "errors")
    for name, g in goldens.items():
        if "error" in g:
            print("  ", name, g["error"])
