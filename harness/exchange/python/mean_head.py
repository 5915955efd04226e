"""The head that deltabench calls "mean" and transformers lacks: one linear layer on the mean over tokens."""

import os

import torch
from safetensors.torch import load_file
from transformers.modeling_outputs import SequenceClassifierOutput

HERE = os.path.dirname(os.path.abspath(__file__))


class MeanClassifier(torch.nn.Module):
    def __init__(self, encoder):
        super().__init__()
        self.encoder = encoder
        head = load_file(os.path.join(HERE, "head.safetensors"))
        self.weight = torch.nn.Parameter(head["classifier.weight"])
        self.bias = torch.nn.Parameter(head["classifier.bias"])

    def forward(self, input_ids, attention_mask, **more):
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask, **more).last_hidden_state
        mask = attention_mask.unsqueeze(-1)
        # Virtual tokens of the method come first; the mask does not cover them.
        pooled = (states[:, -mask.shape[1] :] * mask).sum(1) / mask.sum(1)
        return SequenceClassifierOutput(logits=torch.nn.functional.linear(pooled, self.weight, self.bias))
