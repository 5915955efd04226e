"""Makes classifiers as transformers saves them and adapters of peft on them, and the logits of both.

transformers 5.24.0, peft 0.21.2, torch 2.15.0; random weights.
"""

import json
import os

import torch
import transformers as T
from peft import LoraConfig, get_peft_model

torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))
IDS = [[0, 5, 9, 2], [0, 7, 3, 2]]
SIZES = dict(vocab_size=12, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
             max_position_embeddings=12, type_vocab_size=1, initializer_range=0.5)
out = {"ids": IDS}
for name, config, kind in [
    ("roberta", T.RobertaConfig, T.RobertaForSequenceClassification),
    ("bert", T.BertConfig, T.BertForSequenceClassification),
]:
    torch.manual_seed(3)
    labels = ["CONTRADICTION", "NEUTRAL", "ENTAILMENT"]
    model = kind(config(**SIZES, num_labels=3, id2label=dict(enumerate(labels)),
                        label2id={label: i for i, label in enumerate(labels)}))
    model.eval()
    model.save_pretrained(os.path.join(here, name))
    for task, folder in [("SEQ_CLS", name + "-lora"), (None, name + "-headless")]:
        torch.manual_seed(4)
        base = kind.from_pretrained(os.path.join(here, name))
        adapted = get_peft_model(base, LoraConfig(task_type=task, r=1, target_modules=["query"]))
        with torch.no_grad():
            for key, parameter in adapted.named_parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn_like(parameter))
        adapted.save_pretrained(os.path.join(here, folder))
        with torch.no_grad():
            out[folder] = adapted.eval()(input_ids=torch.tensor(IDS)).logits.tolist()
        os.remove(os.path.join(here, folder, "README.md"))
    with torch.no_grad():
        out[name] = model(input_ids=torch.tensor(IDS)).logits.tolist()
with open(os.path.join(here, "logits.json"), "w") as file:
    json.dump(out, file)
