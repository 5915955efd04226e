"""The mean loss of sequences by transformers, for each base: pretrained_loss.py [[FOLDER, SEQUENCES], …].json"""

import json
import sys

import torch
import transformers


def mean_loss(folder, sequences):
    with open(folder + "/config.json") as file:
        [name] = json.load(file)["architectures"]
    model, info = getattr(transformers, name).from_pretrained(
        folder, dtype=torch.float32, output_loading_info=True
    )
    model.eval()
    total, count = 0.0, 0
    for sequence in sequences:
        ids = torch.tensor([sequence["ids"]])
        inputs = {"input_ids": ids}
        if "source" in sequence:
            inputs = {"input_ids": torch.tensor([sequence["source"]]), "decoder_input_ids": ids}
        elif "types" in sequence:
            inputs["token_type_ids"] = torch.tensor([sequence["types"]])
        targets = torch.tensor(sequence["targets"])
        with torch.no_grad():
            logits = model(**inputs).logits[0]
        chosen = targets >= 0
        loss = torch.nn.functional.cross_entropy(logits[chosen], targets[chosen], reduction="sum")
        total += loss.item()
        count += int(chosen.sum())
    unexpected = [*info["missing_keys"], *info["unexpected_keys"], *info["mismatched_keys"]]
    return {"loss": total / count, "unexpected": [str(each) for each in unexpected]}


with open(sys.argv[1]) as file:
    print(json.dumps([mean_loss(*each) for each in json.load(file)]))
