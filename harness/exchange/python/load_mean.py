"""Loads this classifier without deltabench: model = load(). Needs torch, transformers and safetensors."""

import transformers
from mean_head import HERE, MeanClassifier


def load():
    return MeanClassifier(transformers.AutoModel.from_pretrained(HERE)).eval()
