"""Loads folders by the load.py in each and prints the logits of real tokens, or of classes, as JSON.

Arguments: a JSON file with the model's inputs and, as prompt_mask, which tokens are the prompt; and folders.
"""

import json
import runpy
import sys
import warnings

import torch

warnings.simplefilter("ignore")
torch.set_num_threads(1)
batch_file, *folders = sys.argv[1:]
with open(batch_file) as file:
    batch = {key: torch.tensor(value) for key, value in json.load(file).items()}
prompt = batch.pop("prompt_mask")

out = {}
for folder in folders:
    sys.path.insert(0, folder)
    sys.modules.pop("mean_head", None)
    model = runpy.run_path(folder + "/load.py")["load"]()
    model.prompt_mask = prompt
    with torch.no_grad():
        out[folder] = model(**batch).logits.flatten().tolist()
    sys.path.remove(folder)
print(json.dumps(out))
