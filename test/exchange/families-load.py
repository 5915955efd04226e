"""Loads adapters by peft and merged folders by transformers, and prints the logits of real tokens, or of classes, as JSON.

Argument: a JSON file with a list of {base, adapter, merged, inputs}: folders, and the inputs of their models.
"""

import json
import sys
import warnings

import peft
import torch
import transformers

warnings.simplefilter("ignore")
transformers.logging.set_verbosity_error()
torch.set_num_threads(1)
with open(sys.argv[1]) as file:
    cases = json.load(file)


def load(folder, config):
    outputs = {} if config.num_labels == 2 else {"num_labels": config.num_labels}
    model = getattr(transformers, config.architectures[0])
    found, report = model.from_pretrained(folder, attn_implementation="eager", output_loading_info=True, **outputs)
    return found, {key: sorted(map(str, names)) for key, names in report.items() if names}


out = {}
for case in cases:
    inputs = {key: torch.tensor(value) for key, value in case["inputs"].items()}
    config = transformers.AutoConfig.from_pretrained(case["merged"])
    merged, report = load(case["merged"], config)
    adapted = peft.PeftModel.from_pretrained(load(case["base"], config)[0], case["adapter"])
    with torch.no_grad():
        logits = [model.eval()(**inputs).logits.flatten().tolist() for model in (merged, adapted)]
    out[case["adapter"]] = {"merged": logits[0], "adapted": logits[1], "report": report}
print(json.dumps(out))
