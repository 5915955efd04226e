#!/usr/bin/env python3
"""Times a training step (forward, backward, AdamW) of a Hugging Face model under a PEFT method in PyTorch.

The other side of deltabench's speed benchmark. Needs: pip install torch transformers peft
  torch_step.py --model gpt2 --layers 6 --width 384 --heads 6 --vocab 8000 --method red --batch 16 --length 64
  torch_step.py --config roberta-base.json --method lora --lengths lengths.json --batch 16      (a JSON list: token counts, one an example)
Prints one JSON document: milliseconds a step (min, median), tokens/s and examples/s, peak memory in bytes, versions.
--pad max pads every batch to --length (what the RED paper's code does: 164 on E2E); --pad longest to the longest of the batch.
--serve prints its versions and the milliseconds up to its first step as a JSON object once a step was taken on every shape,
and then, for each number n read from standard input, the times of n more steps.
--base-weights nf4 keeps a checkpoint's linear weights in bitsandbytes' four bits (pip install bitsandbytes).
--checkpoint FOLDER loads the model from there instead of drawing it. --compile runs it through torch.compile.
--targets A counts only the last A part (0..1) of each example as targets; the logits are computed at all positions, as transformers does.
"""
import time
began = time.perf_counter()
import argparse, json, resource, statistics, sys
import torch, transformers
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, GPT2Config, LlamaConfig, RobertaConfig

imported = time.perf_counter()

p = argparse.ArgumentParser()
p.add_argument("--model", default="gpt2", choices=["gpt2", "roberta", "llama"])
p.add_argument("--config"); p.add_argument("--checkpoint"); p.add_argument("--layers", type=int, default=12); p.add_argument("--width", type=int, default=768)
p.add_argument("--heads", type=int, default=12); p.add_argument("--vocab", type=int, default=50257)
p.add_argument("--method", default="red", choices=["red", "lora", "full", "bitfit"])
p.add_argument("--batch", type=int, default=8); p.add_argument("--length", type=int, default=128); p.add_argument("--lengths")
p.add_argument("--pad", default="longest", choices=["longest", "max"]); p.add_argument("--targets", type=float, default=1.0)
p.add_argument("--steps", type=int, default=10); p.add_argument("--threads", type=int, default=0); p.add_argument("--device", default="cpu")
p.add_argument("--base-weights", default="float32", choices=["float32", "nf4", "fp4"])
p.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"]); p.add_argument("--compile", action="store_true"); p.add_argument("--serve", action="store_true")
a = p.parse_args()
if a.threads: torch.set_num_threads(a.threads)
torch.manual_seed(0)

sizes = dict(vocab_size=a.vocab)
if a.model == "gpt2":
    config = GPT2Config(n_layer=a.layers, n_embd=a.width, n_head=a.heads, n_positions=1024, bos_token_id=0, eos_token_id=0, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, use_cache=False, **sizes)
elif a.model == "llama":
    config = LlamaConfig(num_hidden_layers=a.layers, hidden_size=a.width, intermediate_size=int(a.width * 8 / 3) // 64 * 64, num_attention_heads=a.heads, bos_token_id=0, eos_token_id=0, use_cache=False, **sizes)
else:
    config = RobertaConfig(num_hidden_layers=a.layers, hidden_size=a.width, intermediate_size=4 * a.width, num_attention_heads=a.heads, hidden_dropout_prob=0, attention_probs_dropout_prob=0, num_labels=2, max_position_embeddings=514, **sizes)
if a.config: config = type(config).from_json_file(a.config)
kind = AutoModelForSequenceClassification if a.model == "roberta" else AutoModelForCausalLM
if a.base_weights == "float32":
    model = (kind.from_pretrained(a.checkpoint) if a.checkpoint else kind.from_config(config)).to(a.device, getattr(torch, a.dtype)).train()
else:
    from transformers import BitsAndBytesConfig
    packed = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type=a.base_weights, bnb_4bit_compute_dtype=torch.float32)
    model = kind.from_pretrained(a.checkpoint, quantization_config=packed, dtype=torch.float32, device_map=a.device, use_cache=False).train()

class Edited(torch.nn.Module):
    """RED: the output of a linear module, scaled and shifted by trained vectors."""
    def __init__(self, linear, width):
        super().__init__(); self.linear = linear
        self.scaling = torch.nn.Parameter(torch.ones(width, device=a.device)); self.bias = torch.nn.Parameter(torch.zeros(width, device=a.device))
    def forward(self, x): return self.linear(x) * self.scaling + self.bias

if a.method == "lora":
    from peft import LoraConfig, get_peft_model
    model = get_peft_model(model, LoraConfig(r=8, target_modules={"gpt2": ["c_attn"], "roberta": ["query", "value"], "llama": ["q_proj", "v_proj"]}[a.model], fan_in_fan_out=a.model == "gpt2"))
elif a.method != "full":
    for name, t in model.named_parameters(): t.requires_grad_(a.method == "bitfit" and name.endswith("bias"))
    if a.method == "red":
        last = {"gpt2": "mlp.c_proj", "roberta": "output.dense", "llama": "down_proj"}[a.model]
        for name, module in list(model.named_modules()):
            if name.endswith(last) and "attention" not in name:
                parent, leaf = name.rsplit(".", 1); setattr(model.get_submodule(parent), leaf, Edited(module, config.hidden_size))
if a.model == "roberta":
    for name, t in model.named_parameters():
        if "classifier" in name: t.requires_grad_(True)
trained = [t for t in model.parameters() if t.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-3)
run = torch.compile(model) if a.compile else model

lengths = json.load(open(a.lengths)) if a.lengths else [a.length] * (a.batch * (a.steps + 2))
batches = [lengths[i:i + a.batch] for i in range(0, len(lengths) - a.batch + 1, a.batch)][: a.steps + 2]
def width(rows): return a.length if a.pad == "max" else max(rows)
def step(rows):
    ids = torch.randint(1, a.vocab, (len(rows), width(rows)), device=a.device); mask = torch.zeros_like(ids); labels = torch.full_like(ids, -100)
    for i, n in enumerate(rows): mask[i, :n] = 1; labels[i, n - max(1, round(n * a.targets)):n] = ids[i, n - max(1, round(n * a.targets)):n]
    if a.model == "roberta": labels = torch.randint(0, 2, (len(rows),), device=a.device)
    loss = run(input_ids=ids, attention_mask=mask, labels=labels).loss
    loss.backward(); optimizer.step(); optimizer.zero_grad(set_to_none=True)
    return loss.item()
def peak(): return torch.cuda.max_memory_allocated() if a.device.startswith("cuda") else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
loaded = time.perf_counter()
try: step(batches[0])
except Exception as error:
    if not a.compile: raise
    sys.exit(f"RuntimeError: torch.compile does not run: {' '.join(str(error).split())[:200]}")
stepped = time.perf_counter()
step(batches[1])
if a.serve:
    import itertools
    # So that no timed step compiles, allocates or chooses kernels for a shape.
    for rows in {width(rows): rows for rows in batches}.values(): step(rows)
    endless = itertools.cycle(batches)
    versions = dict(torch=torch.__version__, transformers=transformers.__version__)
    if a.device.startswith("cuda"): versions.update(gpu=torch.cuda.get_device_name(a.device))
    if a.method == "lora": import peft; versions.update(peft=peft.__version__)
    phases = dict(imports=imported - began, base=loaded - imported, step=stepped - loaded)
    print(json.dumps(dict(versions=versions, phases={name: seconds * 1e3 for name, seconds in phases.items()})), flush=True)
    for line in sys.stdin:
        served = []
        for _ in range(int(line)):
            rows = next(endless); start = time.perf_counter(); step(rows); served.append((time.perf_counter() - start) * 1e3)
        print(json.dumps(dict(times=served, peak=peak())), flush=True)
    sys.exit()
times, tokens, examples = [], 0, 0
for rows in batches[2:]:
    start = time.perf_counter(); step(rows); times.append(time.perf_counter() - start); tokens += sum(rows); examples += len(rows)
print(json.dumps(dict(model=a.model, method=a.method, trained=sum(t.numel() for t in trained), ms_min=round(min(times) * 1e3, 2), ms_median=round(statistics.median(times) * 1e3, 2),
    tokens_per_s=round(tokens / sum(times), 1), examples_per_s=round(examples / sum(times), 2), peak_bytes=peak(), threads=torch.get_num_threads(), torch=torch.__version__, transformers=transformers.__version__)))
