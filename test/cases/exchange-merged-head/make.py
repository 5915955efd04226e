"""Makes classifiers as transformers saves them and adapters of peft on them, and the logits of both.

transformers 5.24.0, peft 0.21.2, torch 2.15.0; random weights.
"""

import json
import os
import re

import torch
import transformers as T
from peft import LoraConfig, get_peft_model

torch.set_num_threads(1)
here = os.path.dirname(os.path.abspath(__file__))
IDS = [[0, 5, 9, 2], [0, 7, 3, 2]]
SIZES = dict(vocab_size=12, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
             max_position_embeddings=12, type_vocab_size=1, initializer_range=0.5)
out = {"ids": IDS}
DISTIL = dict(vocab_size=12, dim=8, hidden_dim=8, n_layers=1, n_heads=2, max_position_embeddings=12, initializer_range=0.5)
DEBERTA = dict(SIZES, type_vocab_size=0, relative_attention=True, pos_att_type=["c2p", "p2c"], position_buckets=4,
               share_att_key=True, norm_rel_ebd="layer_norm", position_biased_input=False, pooler_hidden_size=8)
MODERN = dict({key: value for key, value in SIZES.items() if key != "type_vocab_size"},
              pad_token_id=1, bos_token_id=0, eos_token_id=2, cls_token_id=0, sep_token_id=2)
FAMILIES = [
    ("roberta", "query", T.RobertaConfig(**SIZES), T.RobertaForSequenceClassification),
    ("bert", "query", T.BertConfig(**SIZES), T.BertForSequenceClassification),
    ("xlm-roberta", "query", T.XLMRobertaConfig(**SIZES), T.XLMRobertaForSequenceClassification),
    ("distilbert", "q_lin", T.DistilBertConfig(**DISTIL), T.DistilBertForSequenceClassification),
    ("electra", "query", T.ElectraConfig(**SIZES, embedding_size=8), T.ElectraForSequenceClassification),
    ("albert", "query", T.AlbertConfig(**SIZES, embedding_size=8), T.AlbertForSequenceClassification),
    ("deberta-v2", "query_proj", T.DebertaV2Config(**DEBERTA), T.DebertaV2ForSequenceClassification),
    ("modernbert", "Wqkv", T.ModernBertConfig(**MODERN), T.ModernBertForSequenceClassification),
]
labels = ["CONTRADICTION", "NEUTRAL", "ENTAILMENT"]


def tidy(folder, base):
    """Leaves no path of the machine that made an adapter."""
    os.remove(os.path.join(here, folder, "README.md"))
    path = os.path.join(here, folder, "adapter_config.json")
    with open(path) as file:
        text = re.sub(r'"base_model_name_or_path": "[^"]*"', f'"base_model_name_or_path": "{base}"', file.read())
    with open(path, "w") as file:
        file.write(text)


def classifier(name, module, config, kind):
    """Writes a classifier and two adapters on it, one of them without a head."""
    torch.manual_seed(3)
    config.id2label, config.label2id = dict(enumerate(labels)), {label: i for i, label in enumerate(labels)}
    model = kind(config)
    model.eval()
    model.save_pretrained(os.path.join(here, name))
    for task, folder in [("SEQ_CLS", name + "-lora"), (None, name + "-headless")]:
        torch.manual_seed(4)
        base = kind.from_pretrained(os.path.join(here, name), attn_implementation="eager")
        adapted = get_peft_model(base, LoraConfig(task_type=task, r=1, target_modules=[module]))
        with torch.no_grad():
            for key, parameter in adapted.named_parameters():
                if parameter.requires_grad:
                    parameter.add_(torch.randn_like(parameter))
        adapted.save_pretrained(os.path.join(here, folder))
        with torch.no_grad():
            out[folder] = adapted.eval()(input_ids=torch.tensor(IDS)).logits.tolist()
        tidy(folder, name)
    with torch.no_grad():
        out[name] = model(input_ids=torch.tensor(IDS)).logits.tolist()


def on_pretrained():
    """Writes a ModernBERT of pretraining and an adapter that classifies: its first layer is the checkpoint's."""
    torch.manual_seed(3)
    T.ModernBertForMaskedLM(T.ModernBertConfig(**MODERN)).save_pretrained(os.path.join(here, "modernbert-masked"))
    load = T.ModernBertForSequenceClassification.from_pretrained
    base = load(os.path.join(here, "modernbert-masked"), num_labels=3, attn_implementation="eager")
    adapted = get_peft_model(base, LoraConfig(task_type="SEQ_CLS", r=1, target_modules=["Wqkv"]))
    with torch.no_grad():
        for parameter in adapted.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter))
    adapted.save_pretrained(os.path.join(here, "modernbert-masked-lora"))
    tidy("modernbert-masked-lora", "modernbert-masked")
    with torch.no_grad():
        out["modernbert-masked-lora"] = adapted.eval()(input_ids=torch.tensor(IDS)).logits.tolist()


for family in FAMILIES:
    classifier(*family)
on_pretrained()
with open(os.path.join(here, "logits.json"), "w") as file:
    json.dump(out, file)
