"""Loads adapters with Hugging Face peft and prints the logits of real tokens as JSON, or why it runs no prefix there.

Arguments: a model folder, a JSON file with the model's inputs, and folders of adapters.
"""

import json
import sys
import warnings

import peft
import torch
import transformers
from peft import PeftModel
from peft.utils import load_peft_weights

warnings.simplefilter("ignore")
torch.set_num_threads(1)
model_folder, batch_file, *adapters = sys.argv[1:]
with open(batch_file) as file:
    batch = {key: torch.tensor(value) for key, value in json.load(file).items()}
config = transformers.AutoConfig.from_pretrained(model_folder)
Model = getattr(transformers, config.architectures[0])

out = {}
for adapter in adapters:
    base = Model.from_pretrained(model_folder, attn_implementation="eager")
    model = PeftModel.from_pretrained(base, adapter).eval()
    saved = load_peft_weights(adapter)
    # What peft would save again: the same keys and values, if it took everything. COFT's forward pass moves its
    # rotations into their bounds, so that they are saved before.
    model.save_pretrained(adapter + ".again")
    again = load_peft_weights(adapter + ".again")
    # peft writes RandLoRA's frozen matrices once more for each module.
    again = {k: v for k, v in again.items() if k in saved or not k.endswith(("randlora_A", "randlora_B"))}
    same = saved.keys() == again.keys() and all(torch.equal(saved[key], again[key]) for key in saved)
    try:
        with torch.no_grad():
            logits = model(**batch).logits
    except ValueError as error:
        if "does not support past key values" not in str(error):
            raise
        versions = f"transformers {transformers.__version__}, peft {peft.__version__}"
        print(json.dumps({"refusal": f"{versions}: {error}"}))
        sys.exit()
    if logits.ndim == 3:
        width = batch.get("decoder_input_ids", batch["input_ids"]).shape[1]
        logits = logits[:, -width:]
    out[adapter] = {"logits": logits.flatten().tolist(), "same": same}
print(json.dumps(out))
