"""Checks an adapter on a base in bitsandbytes' four bits. Needs torch, transformers, peft and bitsandbytes.

make FOLDER ...       writes a tiny random Llama in NF4 to the folder, as transformers saves it
logits FOLDER ADAPTER prints the logits of a fixed batch under peft's adapter as JSON
merged FOLDER         prints the logits of the same batch under a checkpoint
"""

import json
import sys
import tempfile
import warnings

import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

warnings.simplefilter("ignore")
torch.set_num_threads(1)
task, folder, *others = sys.argv[1:]


def logits(model):
    # In evaluation bitsandbytes multiplies in bfloat16 on processors that can, whatever its compute dtype is.
    model.train()
    ids = torch.arange(24).reshape(2, 12) * 7 % 300
    with torch.no_grad():
        print(json.dumps(model(input_ids=ids).logits.flatten().tolist()))


if task == "make":
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=300, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=128, tie_word_embeddings=False, initializer_range=0.15,
        bos_token_id=0, eos_token_id=0,
    )
    packed = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32,
    )
    with tempfile.TemporaryDirectory() as plain:
        LlamaForCausalLM(config).save_pretrained(plain)
        model = AutoModelForCausalLM.from_pretrained(plain, quantization_config=packed, dtype=torch.float32)
    model.save_pretrained(folder)
else:
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if task == "logits":
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, others[0])
    logits(model)
