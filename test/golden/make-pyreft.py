"""Makes test/golden/pyreft: LoReFT on a tiny Llama as pyreft 0.0.7 trains it, saves it and generates with it.

Run with pyreft 0.0.7, pyvene 0.1.8, torch 2.15.0, transformers 5.24.0 (CPU):  python make-pyreft.py FOLDER
Newer transformers hand decoder blocks' outputs to pyvene as tensors, not tuples; pyvene 0.1.8 takes both.
The text is made up of invented words; every word is a token.
"""
import json
import os
import random
import sys

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import DataCollatorForSeq2Seq, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import pyreft
from pyreft.dataset import ReftDataCollator, ReftDataset

out = sys.argv[1]
torch.manual_seed(0)
random.seed(0)

WORDS = [a + b for a in ('ba', 'do', 'ki', 'lu', 'me', 'no', 'ru', 'si') for b in ('lan', 'met', 'por', 'tis', 'vek', 'wod', 'zun')]
vocab = {word: i for i, word in enumerate(['<unk>', '<s>', '</s>', *WORDS])}
inner = Tokenizer(models.WordLevel(vocab, unk_token='<unk>'))
inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
inner.post_processor = processors.TemplateProcessing(single='<s> $A', special_tokens=[('<s>', 1)])
tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token='<s>', eos_token='</s>', unk_token='<unk>')
# As pyreft's examples: the pad token is the unknown one.
tokenizer.pad_token = tokenizer.unk_token

config = LlamaConfig(
    vocab_size=len(vocab), hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=128, initializer_range=0.25, tie_word_embeddings=False,
    bos_token_id=1, eos_token_id=2, pad_token_id=0)
model = LlamaForCausalLM(config).eval()
model.save_pretrained(out)
tokenizer.save_pretrained(out)

# Prompts from 3 to 22 tokens, so that some have fewer than seven tokens at each end.
rows = []
for i in range(20):
    words = random.choices(WORDS, k=2 + i)
    rows.append({'prompt': ' '.join(words), 'answer': ' '.join(sorted(words[:3]))})


class Rows(ReftDataset):
    """As examples/loreft: positions of the whole prompt, labels of the answer alone."""

    def tokenize(self, item):
        prompt = self.tokenizer(item['prompt'], return_tensors='pt')['input_ids'][0]
        if self.data_split != 'train':
            return {'input_ids': prompt}, len(prompt)
        whole = self.tokenizer(item['prompt'] + ' ' + item['answer'] + ' </s>', return_tensors='pt')['input_ids'][0]
        labels = whole.clone()
        labels[:len(prompt)] = -100
        return {'input_ids': whole, 'labels': labels}, len(prompt)


layers = [0, 1, 2]
reft = pyreft.get_reft_model(model, pyreft.ReftConfig(representations=[{
    'layer': layer, 'component': 'block_output', 'low_rank_dimension': 4,
    'intervention': pyreft.LoreftIntervention(embed_dim=32, low_rank_dimension=4, dtype=torch.float32),
} for layer in layers]))
place = {'position': 'f7+l7', 'num_interventions': len(layers), 'share_weights': True}
collate = ReftDataCollator(DataCollatorForSeq2Seq(tokenizer=tokenizer, model=model, label_pad_token_id=-100, padding='longest'))


def interventions():
    return [v[0] if isinstance(v, (tuple, list)) else v for v in reft.interventions.values()]


def save(name):
    reft.save(os.path.join(out, name), save_to_hf_hub=False)


def loss_of(batch):
    _, counterfactual = reft(
        {'input_ids': batch['input_ids'], 'attention_mask': batch['attention_mask']},
        unit_locations={'sources->base': (None, batch['intervention_locations'].permute(1, 0, 2).tolist())},
        labels=batch['labels'])
    return counterfactual.loss


train = Rows('made-up', None, tokenizer, data_split='train', dataset=rows, **place)
batch = collate([train[i] for i in range(len(train))])


def run(trains_rotation, steps, save_as=None):
    """Losses of full batches under AdamW as ReftTrainer has it: linear decay, no warm-up, clip 1."""
    for intervention in interventions():
        for parameter in intervention.rotate_layer.parameters():
            parameter.requires_grad_(trains_rotation)
    parameters = [p for i in interventions() for p in i.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=0.02, weight_decay=0)
    schedule = transformers.get_linear_schedule_with_warmup(optimizer, 0, steps)
    losses = []
    for _ in range(steps):
        loss = loss_of(batch)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        schedule.step()
    losses.append(loss_of(batch).item())
    return losses


def generate():
    """As examples/loreft/compute_metrics.py: left padding, places moved by where BOS stands, greedy."""
    tokenizer.padding_side = 'left'
    test = Rows('made-up', None, tokenizer, data_split='test', dataset=rows, **place)
    texts = []
    for start in range(0, len(rows), 4):
        part = [test[i] for i in range(start, start + 4)]
        padded = tokenizer.pad({'input_ids': [p['input_ids'].tolist() for p in part]}, return_tensors='pt')
        ids = padded['input_ids']
        mask = (ids != tokenizer.pad_token_id).int()
        places = torch.tensor([p['intervention_locations'] for p in part])
        begin = (ids == tokenizer.bos_token_id).int().argmax(dim=1) - 1
        places = places + begin[:, None, None]
        _, answers = reft.generate(
            {'input_ids': ids, 'attention_mask': mask},
            unit_locations={'sources->base': (None, places.permute(1, 0, 2).tolist())},
            intervene_on_prompt=True, eos_token_id=2, pad_token_id=0, max_new_tokens=12, do_sample=False)
        texts += [answer[ids.shape[1]:].tolist() for answer in answers]
    tokenizer.padding_side = 'right'
    return [t[:t.index(2)] if 2 in t else t for t in texts]


golden = {
    'versions': {name: __import__('importlib.metadata').metadata.version(name)
                 for name in ('pyreft', 'pyvene', 'torch', 'transformers')},
    'first': 7, 'last': 7, 'learning_rate': 0.02,
    'prompts': [tokenizer(r['prompt'])['input_ids'] for r in rows],
    'wholes': [tokenizer(r['prompt'] + ' ' + r['answer'] + ' </s>')['input_ids'] for r in rows],
    'places': [train[i]['intervention_locations'][0] for i in range(len(train))],
}
save('start')
golden['losses'] = run(False, 10)
save('rotation-kept')
golden['generated'] = generate()
golden['losses_with_rotation'] = run(True, 10)
save('final')
golden['generated_final'] = generate()
json.dump(golden, open(os.path.join(out, 'golden.json'), 'w'))
print(golden['losses'], golden['losses_with_rotation'], golden['generated'][:4], golden['places'][:2])
