#!/usr/bin/env python3
"""GLUE fine-tuning of a BERT checkpoint in PyTorch, transformers and peft, with a mean-pooled head.

Same examples (the first --limit of the training file, the halves of dev.tsv that numpy's permutation of the seed gives), batch size,
schedule (6 % warm-up, then linear), AdamW, dropout, best epoch by the first metric on validation, then the test half. Orders and
masks are PyTorch's own, so results agree within the spread of seeds.
  torch_glue.py --model FOLDER --data GLUE_FOLDER --task stsb --method red --rate 0.02 --epochs 5 --limit 2000 --seeds 42 43 44
  torch_glue.py ... --epochs 1 --time [--pad 128]        seconds of one epoch, start and evaluation left out
Needs: pip install torch transformers peft
"""
import argparse, csv, json, statistics, time
import numpy, torch
from transformers import AutoModel, AutoTokenizer

p = argparse.ArgumentParser()
p.add_argument("--model", required=True); p.add_argument("--data", required=True)
p.add_argument("--task", default="stsb", choices=["stsb", "sst2", "mrpc"])
p.add_argument("--method", default="red", choices=["red", "lora", "full"])
p.add_argument("--rate", type=float, default=1e-4); p.add_argument("--epochs", type=int, default=5); p.add_argument("--batch", type=int, default=32)
p.add_argument("--limit", type=int, default=0); p.add_argument("--seeds", type=int, nargs="+", default=[42])
p.add_argument("--device", default="cpu"); p.add_argument("--threads", type=int, default=0)
p.add_argument("--time", action="store_true"); p.add_argument("--pad", type=int, default=0, help="pad every batch to so many tokens")
a = p.parse_args()
if a.threads: torch.set_num_threads(a.threads)

folder, texts, label = {"stsb": ("STS-B", ("sentence1", "sentence2"), "score"), "sst2": ("SST-2", ("sentence",), "label"), "mrpc": ("MRPC", ("#1 String", "#2 String"), "Quality")}[a.task]
def rows(split):
    with open(f"{a.data}/{folder}/{split}.tsv", encoding="utf-8-sig", newline="") as file:
        return [([row[t] for t in texts], float(row[label])) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
train, dev = rows("train"), rows("dev")
if a.limit: train = train[: a.limit]
tokenizer = AutoTokenizer.from_pretrained(a.model)
regression = a.task == "stsb"

class Edited(torch.nn.Module):
    """RED: the output of a linear module, scaled and shifted by trained vectors."""
    def __init__(self, linear, width):
        super().__init__(); self.linear = linear
        self.scaling = torch.nn.Parameter(torch.ones(width)); self.bias = torch.nn.Parameter(torch.zeros(width))
    def forward(self, x): return self.linear(x) * self.scaling + self.bias

class Classifier(torch.nn.Module):
    def __init__(self):
        super().__init__(); base = AutoModel.from_pretrained(a.model, add_pooling_layer=False)
        if a.method == "lora":
            from peft import LoraConfig, get_peft_model
            base = get_peft_model(base, LoraConfig(r=8, lora_alpha=8, target_modules=["query", "value"]))
        elif a.method == "red":
            base.requires_grad_(False)
            for layer in base.encoder.layer: layer.output.dense = Edited(layer.output.dense, base.config.hidden_size)
        self.base, config = base, base.config
        self.dropout = torch.nn.Dropout(config.hidden_dropout_prob); self.classifier = torch.nn.Linear(config.hidden_size, 1 if regression else 2)
        torch.nn.init.normal_(self.classifier.weight, std=config.initializer_range); torch.nn.init.zeros_(self.classifier.bias)
    def forward(self, batch):
        mask = batch["attention_mask"].unsqueeze(-1).float()
        states = self.base(**batch).last_hidden_state
        return self.classifier(self.dropout((states * mask).sum(1) / mask.sum(1)))

def encode(examples):
    padding = dict(padding="max_length", max_length=a.pad) if a.pad else dict(padding=True, max_length=256)
    batch = tokenizer(*[[e[0][i] for e in examples] for i in range(len(texts))], truncation=True, return_tensors="pt", **padding)
    return batch.to(a.device), torch.tensor([e[1] for e in examples], device=a.device)

def evaluate(model, examples):
    model.eval(); values = []
    with torch.no_grad():
        for i in range(0, len(examples), 64): values.append(model(encode(examples[i : i + 64])[0]).cpu())
    out, wanted = torch.cat(values), [e[1] for e in examples]
    return numpy.corrcoef(out.squeeze(-1).numpy(), wanted)[0, 1] if regression else (out.argmax(-1).numpy() == wanted).mean()

results = []
for seed in a.seeds:
    torch.manual_seed(seed)
    order = numpy.random.RandomState(seed).permutation(len(dev)); half = len(dev) // 2
    validation, test = [dev[i] for i in order[:half]], [dev[i] for i in order[half:]]
    model = Classifier().to(a.device)
    trained = [t for t in model.parameters() if t.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=a.rate, weight_decay=0)
    steps = a.epochs * -(-len(train) // a.batch); warm = 0.06 * steps
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: (s + 1) / warm if s + 1 < warm else (steps - s) / (steps - warm))
    best, tested = -1, 0
    for epoch in range(a.epochs):
        model.train(); start = time.perf_counter(); shuffled = torch.randperm(len(train)).tolist()
        for i in range(0, len(train), a.batch):
            batch, wanted = encode([train[j] for j in shuffled[i : i + a.batch]])
            out = model(batch)
            loss = torch.nn.functional.mse_loss(out.squeeze(-1), wanted) if regression else torch.nn.functional.cross_entropy(out, wanted.long())
            loss.backward(); optimizer.step(); schedule.step(); optimizer.zero_grad(set_to_none=True); loss.item()
        seconds = time.perf_counter() - start
        if a.time: continue
        score = evaluate(model, validation)
        if score > best: best, tested = score, evaluate(model, test)
    results.append(seconds if a.time else tested)
    print(json.dumps(dict(task=a.task, method=a.method, rate=a.rate, seed=seed, **({"seconds": round(seconds, 2)} if a.time else {"validation": round(float(best), 4), "test": round(float(tested), 4)}), last_loss=round(loss.item(), 4))), flush=True)
if len(results) > 1 and not a.time:
    print(json.dumps(dict(task=a.task, method=a.method, rate=a.rate, mean=round(float(statistics.mean(results)), 4), sd=round(float(statistics.stdev(results)), 4), n=len(results))))
