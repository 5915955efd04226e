"""Golden adapters of the cases exchange-* and reports-adapter-*: saved by peft, with what peft computes after loading them anew.

Run outside CI with torch 2.15.0, transformers 5.24.0 and peft 0.21.2: python make-adapters.py [CASE ...]. It writes random bases
to adapter-bases/ and adapters with expect.json (a batch and the logits, or hidden states) to <case>/<variant>/.
"""

import json
import pathlib
import re
import sys
import warnings

import torch
import transformers as T
from peft import *

warnings.simplefilter("ignore")
torch.set_num_threads(1)
T.logging.set_verbosity_error()
HERE = pathlib.Path(__file__).parent
BASES = HERE / "adapter-bases"
IDS = [[3, 7, 11, 5, 13, 2, 17, 4], [6, 18, 9, 12, 3, 8, 10, 15]]
TARGET = [[4, 9, 14, 1], [16, 5, 2, 1]]

bert_like = dict(vocab_size=19, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=32, initializer_range=0.3)  # fmt: skip
still = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
t5 = dict(vocab_size=19, d_model=16, d_kv=8, d_ff=24, num_heads=2, dropout_rate=0.0, decoder_start_token_id=0)
MODELS = {
    "llama": lambda: T.LlamaForCausalLM(T.LlamaConfig(**bert_like, num_key_value_heads=1)),
    "gpt2": lambda: T.GPT2LMHeadModel(T.GPT2Config(vocab_size=19, n_positions=32, n_embd=16, n_layer=2, n_head=2, initializer_range=0.3, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=0, eos_token_id=1)),  # fmt: skip
    "roberta": lambda: T.RobertaForMaskedLM(T.RobertaConfig(**bert_like, **still, type_vocab_size=1, pad_token_id=1)),
    "bert": lambda: T.BertForPreTraining(T.BertConfig(**bert_like, **still)),
    "distilbert": lambda: T.DistilBertForMaskedLM(T.DistilBertConfig(vocab_size=19, dim=16, hidden_dim=24, n_layers=2, n_heads=2, max_position_embeddings=32, initializer_range=0.3, dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0)),  # fmt: skip
    "t5": lambda: T.T5ForConditionalGeneration(T.T5Config(**t5, num_layers=2)),
    "t5-3-1": lambda: T.T5ForConditionalGeneration(T.T5Config(**t5, num_layers=3, num_decoder_layers=1)),
    "t5-4-2": lambda: T.T5ForConditionalGeneration(T.T5Config(**t5, num_layers=4, num_decoder_layers=2)),
}
CAUSAL, SEQ2SEQ = T.AutoModelForCausalLM, T.AutoModelForSeq2SeqLM
CLASSES, BARE = T.AutoModelForSequenceClassification, T.AutoModel
TASKS = {CAUSAL: "CAUSAL_LM", SEQ2SEQ: "SEQ_2_SEQ_LM", CLASSES: "SEQ_CLS", BARE: "FEATURE_EXTRACTION"}


def load(base, model):
    torch.manual_seed(1)
    return model.from_pretrained(BASES / base, attn_implementation="eager", dtype=torch.float32).eval()


def move(model):
    """Every trained tensor leaves its start."""
    g = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for p in model.parameters():
            if p.requires_grad:
                p.add_(0.2 * torch.randn(p.shape, generator=g))
    return model.eval()


def expect(model, kind):
    ids = torch.tensor(IDS)
    inputs = dict(input_ids=ids, attention_mask=torch.ones_like(ids))
    if kind is SEQ2SEQ:
        start = torch.zeros(2, 1, dtype=torch.long)
        inputs["decoder_input_ids"] = torch.cat([start, torch.tensor(TARGET)[:, :-1]], 1)
    with torch.no_grad():
        out = model(**inputs)
    batch = dict(input_ids=IDS, attention_mask=torch.ones_like(ids).tolist(), labels={SEQ2SEQ: TARGET, CLASSES: [0, 1]}.get(kind, IDS))  # fmt: skip
    if kind is BARE:
        return dict(batch=batch, states=out.last_hidden_state.flatten().tolist())
    # Without those of virtual tokens.
    logits = out.logits[:, -ids.shape[1] :] if kind is CAUSAL else out.logits
    return dict(batch=batch, logits=logits.flatten().tolist())


def gradients(model, kind):
    """The loss and the gradients of what is trained, under peft's names without the adapter's."""
    ids = torch.tensor(IDS)
    model.zero_grad()
    labels = torch.tensor(TARGET) if kind is SEQ2SEQ else ids
    loss = model(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
    loss.backward()
    own = {n.replace(".default", ""): p.grad.flatten().tolist() for n, p in model.named_parameters() if p.requires_grad}
    return dict(loss=loss.item(), gradients=own)


def lora(**settings):
    return lambda task: LoraConfig(task_type=task, **{**dict(r=2, lora_alpha=6), **settings})


qv = ["q_proj", "v_proj"]
patterns = dict(rank_pattern={r".*layers\.(0)\.self_attn\.q_proj": 5, "q_proj": 4}, alpha_pattern={"v_proj": 16})
CASES = {
    "exchange-lora-some-modules": {
        "layers": ("llama", CAUSAL, lora(target_modules=qv, layers_to_transform=[1])),
        "exclude": ("llama", CAUSAL, lora(target_modules="all-linear", exclude_modules=r".*layers\.0\..*|.*down_proj")),
        "one-module": ("gpt2", CAUSAL, lora(target_modules=["transformer.h.1.mlp.c_proj"])),
        "regex": ("t5", SEQ2SEQ, lora(target_modules=r"decoder.*EncDecAttention\.(k|v)")),
        "self-attention": ("t5", SEQ2SEQ, lora(target_modules=r".*SelfAttention\.(q|v)", use_dora=True)),
        "classes": ("roberta", CLASSES, lora(target_modules=["query", "layer.1.output.dense"])),
        "ia3": ("llama", CAUSAL, lambda task: IA3Config(task_type=task, target_modules=["k_proj", "layers.1.mlp.down_proj"], feedforward_modules=["k_proj"])),  # fmt: skip
        "vera": ("gpt2", CAUSAL, lambda task: VeraConfig(task_type=task, r=3, target_modules=["c_attn", "c_fc"], layers_to_transform=[1])),  # fmt: skip
        "adalora": ("t5", SEQ2SEQ, lambda task: AdaLoraConfig(task_type=task, init_r=3, target_r=2, total_step=10, target_modules=["o"], layers_to_transform=[0])),  # fmt: skip
        "some-norms": ("gpt2", CAUSAL, lambda task: LNTuningConfig(task_type=task, target_modules=["ln_1", "ln_f"])),
        "one-norm": ("roberta", CLASSES, lambda task: LNTuningConfig(task_type=task, target_modules=["layer.1.output.LayerNorm", "layer.0.attention.output.LayerNorm"])),  # fmt: skip
        "norms-of-layers": ("t5", SEQ2SEQ, lambda task: LNTuningConfig(task_type=task, target_modules=r"decoder\.block\.1\.layer\.\d\.layer_norm")),  # fmt: skip
        "adalora-as-lora": ("t5", SEQ2SEQ, lambda task: AdaLoraConfig(task_type=task, init_r=3, target_r=2, total_step=10, target_modules=["q", "v"])),  # fmt: skip
    },
    "exchange-rank-alpha-pattern": {
        "case": ("llama", CAUSAL, lora(target_modules=qv, rank_pattern={"q_proj": 4}, alpha_pattern={"v_proj": 16})),
        "first-match": ("llama", CAUSAL, lora(target_modules=qv, **patterns)),
        "as-usual": ("llama", CAUSAL, lora(target_modules=qv, rank_pattern={".*": 2})),
        "rslora": ("roberta", CLASSES, lora(target_modules=["query", "value"], use_rslora=True, rank_pattern={"query": 4, "layer.1.attention.self.value": 1}, alpha_pattern={"layer.0.attention.self.query": 0.3})),  # fmt: skip
        "loha": ("llama", CAUSAL, lambda task: LoHaConfig(task_type=task, r=2, alpha=6, target_modules=qv, **patterns)),
        "lokr": ("t5", SEQ2SEQ, lambda task: LoKrConfig(task_type=task, r=2, alpha=6, target_modules=["q", "v"], decompose_factor=2, rank_pattern={"SelfAttention.q": 1, r"decoder\..*\.v": 3}, alpha_pattern={r"EncDecAttention\.[qv]": 9})),  # fmt: skip
        "fourierft": ("gpt2", CAUSAL, lambda task: FourierFTConfig(task_type=task, n_frequency=30, scaling=20, target_modules=["c_attn", "c_fc"], n_frequency_pattern={"1.attn.c_attn": 40, "mlp.c_fc|transformer.h.0.attn.c_attn": 20})),  # fmt: skip
        "fourierft-bare": ("bert", BARE, lambda task: FourierFTConfig(task_type=task, n_frequency=30, scaling=20, target_modules=["query"], n_frequency_pattern={"query": 40, "encoder.layer.0.attention.self.query": 10})),  # fmt: skip
        "dora": ("t5", SEQ2SEQ, lora(target_modules=["q", "v"], use_dora=True, rank_pattern={"SelfAttention.q": 4, r"decoder\..*\.v": 1}, alpha_pattern={r"EncDecAttention\.[qv]": 9})),  # fmt: skip
    },
    "exchange-dora-rslora": {
        "case": ("llama", CAUSAL, lora(target_modules=qv, use_dora=True, use_rslora=True)),
        "patterns": ("llama", CAUSAL, lora(target_modules=qv, use_dora=True, use_rslora=True, layers_to_transform=[0], **patterns)),  # fmt: skip
    },
    "exchange-bare-names": {
        "roberta": ("roberta", BARE, lora(target_modules=["query", "value"])),
        "bert-layers": ("bert", BARE, lora(target_modules=["key"], layers_to_transform=[1], alpha_pattern={"^encoder.layer.1.*": 3})),  # fmt: skip
        "gpt2": ("gpt2", BARE, lora(target_modules=["c_attn"])),
        "llama": ("llama", BARE, lambda task: AdaLoraConfig(task_type=task, init_r=3, target_r=2, total_step=10, target_modules=qv)),  # fmt: skip
    },
    "exchange-prefix-uneven-t5": {
        "3-1": ("t5-3-1", SEQ2SEQ, lambda task: PrefixTuningConfig(task_type=task, num_virtual_tokens=3)),
        "4-2": ("t5-4-2", SEQ2SEQ, lambda task: PrefixTuningConfig(task_type=task, num_virtual_tokens=3)),
    },
    "exchange-prefix-encoder": {
        "case": ("roberta", CLASSES, lambda task: PrefixTuningConfig(task_type=task, num_virtual_tokens=3)),
    },
    "exchange-saved-head": {
        "case": ("gpt2", CAUSAL, lora(target_modules=["c_attn"], modules_to_save=["lm_head"])),
        "on-head": ("gpt2", CAUSAL, lora(target_modules=["c_attn", "lm_head"])),
        "on-embedding": ("gpt2", CAUSAL, lora(target_modules=["wte"])),
        "untied": ("llama", CAUSAL, lora(target_modules=qv, modules_to_save=["lm_head"])),
        "words": ("gpt2", CAUSAL, lora(target_modules=["c_attn"], modules_to_save=["wte"])),
        "words-and-head": ("gpt2", CAUSAL, lora(target_modules=["c_attn"], modules_to_save=["wte", "lm_head"], use_dora=True)),  # fmt: skip
        "untied-words": ("llama", CAUSAL, lora(target_modules=qv, modules_to_save=["embed_tokens", "lm_head"], bias="all")),
        "norm": ("gpt2", CAUSAL, lora(target_modules=["c_attn"], modules_to_save=["ln_f", "wpe"], bias="lora_only")),
        "block": ("gpt2", CAUSAL, lora(target_modules=["h.0.attn.c_attn"], modules_to_save=["h.1"])),
        "bare": ("gpt2", BARE, lora(target_modules=["c_attn"], modules_to_save=["wte"])),
        "encoder": ("roberta", CLASSES, lora(target_modules=["query"], modules_to_save=["word_embeddings", "classifier"])),
        "two-classifiers": ("distilbert", CLASSES, lora(target_modules=["q_lin", "v_lin"])),
        "t5-head": ("t5", SEQ2SEQ, lora(target_modules=["q"], modules_to_save=["lm_head"])),
        "t5-words": ("t5", SEQ2SEQ, lora(target_modules=["q"], modules_to_save=["embed_tokens"])),
        "t5-shared": ("t5", SEQ2SEQ, lora(target_modules=["q"], modules_to_save=["shared"])),
        "ia3": ("llama", CAUSAL, lambda task: IA3Config(task_type=task, target_modules=["k_proj"], feedforward_modules=[], modules_to_save=["lm_head"])),  # fmt: skip
        "ia3-encoder": ("bert", CLASSES, lambda task: IA3Config(task_type=task, target_modules=["key", "value", "output.dense"], feedforward_modules=["output.dense"], modules_to_save=["word_embeddings", "classifier"])),  # fmt: skip
        "ia3-tied": ("gpt2", CAUSAL, lambda task: IA3Config(task_type=task, target_modules=["c_attn"], feedforward_modules=[], modules_to_save=["wte", "ln_f"])),  # fmt: skip
        "adalora": ("llama", CAUSAL, lambda task: AdaLoraConfig(task_type=task, init_r=3, target_r=2, total_step=10, target_modules=qv, modules_to_save=["lm_head"])),  # fmt: skip
        "vera": ("gpt2", CAUSAL, lambda task: VeraConfig(task_type=task, r=3, target_modules=["c_attn"], modules_to_save=["lm_head"])),  # fmt: skip
        "randlora": ("gpt2", CAUSAL, lambda task: RandLoraConfig(task_type=task, r=4, randlora_alpha=8, target_modules=["c_attn"], modules_to_save=["h.1.mlp.c_fc"])),  # fmt: skip
        "loha": ("llama", CAUSAL, lambda task: LoHaConfig(task_type=task, r=2, alpha=6, target_modules=qv, modules_to_save=["embed_tokens", "norm"])),  # fmt: skip
        "oft": ("llama", CAUSAL, lambda task: OFTConfig(task_type=task, oft_block_size=4, target_modules=qv, modules_to_save=["lm_head"])),  # fmt: skip
        "hra-encoder": ("roberta", CLASSES, lambda task: HRAConfig(task_type=task, r=2, target_modules=["query"], modules_to_save=["word_embeddings", "classifier"])),  # fmt: skip
        "miss": ("llama", CAUSAL, lambda task: MissConfig(task_type=task, r=4, target_modules=["v_proj"], modules_to_save=["down_proj"])),  # fmt: skip
        "fourierft": ("gpt2", CAUSAL, lambda task: FourierFTConfig(task_type=task, n_frequency=30, target_modules=["c_attn"], modules_to_save=["wpe"])),  # fmt: skip
        "ln-tuning": ("llama", CAUSAL, lambda task: LNTuningConfig(task_type=task, target_modules=["input_layernorm", "post_attention_layernorm", "norm"], modules_to_save=["lm_head"])),  # fmt: skip
        "tied-by-peft": ("gpt2", CAUSAL, lora(target_modules=["lm_head"], ensure_weight_tying=True)),
        "on-untied-head": ("llama", CAUSAL, lora(target_modules=["lm_head"])),
    },
    "exchange-lora-embeddings": {
        "gpt2-words-and-head": ("gpt2", CAUSAL, lora(target_modules=["wte", "lm_head", "c_attn"], lora_dropout=0.1)),
        "gpt2-positions": ("gpt2", CAUSAL, lora(target_modules=["wpe"])),
        "gpt2-bare": ("gpt2", BARE, lora(target_modules=["wte", "c_attn"])),
        "gpt2-dora": ("gpt2", CAUSAL, lora(target_modules=["wte", "lm_head", "c_proj"], use_dora=True)),
        "llama-untied": ("llama", CAUSAL, lora(target_modules=["embed_tokens", "lm_head"], use_rslora=True, rank_pattern={"lm_head": 3}, alpha_pattern={"embed_tokens": 9})),  # fmt: skip
        "llama-dora": ("llama", CAUSAL, lora(target_modules=["embed_tokens", "lm_head", "q_proj"], use_dora=True)),
        "llama-half": ("llama", CAUSAL, lora(target_modules=["embed_tokens", "lm_head"])),
        "roberta-words": ("roberta", CLASSES, lora(target_modules=["word_embeddings", "query"])),
        "bert-tables": ("bert", CLASSES, lora(target_modules=["position_embeddings", "token_type_embeddings", "word_embeddings"])),  # fmt: skip
        "bert-dora": ("bert", CLASSES, lora(target_modules=["word_embeddings", "value"], use_dora=True)),
        "t5-head": ("t5", SEQ2SEQ, lora(target_modules=["lm_head", "q"])),
        "t5-words": ("t5", SEQ2SEQ, lora(target_modules=["embed_tokens", "v"])),
        "t5-encoder-words": ("t5", SEQ2SEQ, lora(target_modules=["encoder.embed_tokens"], use_dora=True)),
        "t5-shared": ("t5", SEQ2SEQ, lora(target_modules=["shared", "q"])),
    },
    "exchange-lora-tokens": {
        "gpt2-tied": ("gpt2", CAUSAL, lora(target_modules=["c_attn"], trainable_token_indices=[11, 3])),
        "llama-words": ("llama", CAUSAL, lora(target_modules=qv, trainable_token_indices=[5, 18], use_dora=True)),
        "llama-both": ("llama", CAUSAL, lora(target_modules=qv, trainable_token_indices={"embed_tokens": [5, 18], "lm_head": [2]})),  # fmt: skip
        "t5": ("t5", SEQ2SEQ, lora(target_modules=["q"], trainable_token_indices=[4, 9, 3])),
        "bert": ("bert", CLASSES, lora(target_modules=["query"], trainable_token_indices={"word_embeddings": [7]}, bias="all")),  # fmt: skip
        "gpt2-bare": ("gpt2", BARE, lora(target_modules=["c_attn"], trainable_token_indices=[11])),
    },
    "exchange-lora-biases": {
        "gpt2-all": ("gpt2", CAUSAL, lora(target_modules=["c_attn"], bias="all")),
        "gpt2-adapted": ("gpt2", CAUSAL, lora(target_modules=["c_attn", "mlp.c_proj"], bias="lora_only")),
        "gpt2-dora": ("gpt2", CAUSAL, lora(target_modules=["c_attn"], bias="lora_only", use_dora=True)),
        "gpt2-bare": ("gpt2", BARE, lora(target_modules=["c_attn"], bias="all")),
        "llama-all": ("llama", CAUSAL, lora(target_modules=["q_proj"], bias="all")),
        "roberta-all": ("roberta", CLASSES, lora(target_modules=["query"], bias="all")),
        "bert-all": ("bert", CLASSES, lora(target_modules=["query", "value"], bias="all")),
        "bert-adapted": ("bert", CLASSES, lora(target_modules=["value"], bias="lora_only", layers_to_transform=[1])),
        "bert-bare": ("bert", BARE, lora(target_modules=["key"], bias="all")),
        "bias-of-b": ("gpt2", CAUSAL, lora(target_modules=["c_attn", "c_proj"], lora_bias=True, use_rslora=True)),
        "bias-of-b-too": ("bert", CLASSES, lora(target_modules=["query"], lora_bias=True, bias="all", rank_pattern={"layer.1.attention.self.query": 3})),  # fmt: skip
        "bias-without-base": ("llama", CAUSAL, lora(target_modules=qv, lora_bias=True)),
        "t5-all": ("t5", SEQ2SEQ, lora(target_modules=["q"], bias="all")),
    },
    "exchange-all-linear-pooler": {
        "lora": ("bert", CLASSES, lora(target_modules="all-linear")),
        "dora": ("bert", CLASSES, lora(target_modules=["pooler.dense"], use_dora=True)),
    },
}


WITH_GRADIENTS = {
    ("exchange-lora-embeddings", "gpt2-words-and-head"),
    ("exchange-lora-embeddings", "llama-dora"),
    ("exchange-lora-embeddings", "t5-words"),
    ("exchange-saved-head", "words-and-head"),
    ("exchange-lora-tokens", "gpt2-tied"),
    ("exchange-lora-tokens", "llama-both"),
    ("exchange-lora-biases", "bias-of-b"),
    ("exchange-lora-biases", "gpt2-all"),
    ("exchange-lora-biases", "gpt2-dora"),
}


def accept(model):
    """transformers 5.24 calls the parameter `cache`; peft 0.21.2 looks for past_key_values in the signature."""
    forward = model.forward

    def patched(self, input_ids=None, attention_mask=None, inputs_embeds=None, past_key_values=None, **more):
        return forward(self, input_ids=input_ids, attention_mask=attention_mask, inputs_embeds=inputs_embeds, cache=past_key_values, **more)  # fmt: skip

    model.forward = patched


def save_base(name):
    if (BASES / name).exists():
        return
    torch.manual_seed(0)
    model = MODELS[name]()
    # Norms and biases away from 1 and 0.
    g = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for p in model.parameters():
            if p.ndim == 1:
                p.add_(0.1 * torch.randn(p.shape, generator=g))
    model.save_pretrained(BASES / name)
    (BASES / name / "generation_config.json").unlink(missing_ok=True)


def on_mini(case):
    """Adapters of llama-mini that lie here: what peft computes with them on the built-in base."""
    mini = HERE.parent.parent / "harness/models/bases/built-in/llama-mini"
    base = CAUSAL.from_pretrained(mini, attn_implementation="eager", dtype=torch.float32)
    out = HERE / case / "files"
    ids = torch.tensor([[3, 17, 5, 42]])
    with torch.no_grad():
        logits = PeftModel.from_pretrained(base, out).eval()(input_ids=ids).logits
    batch = dict(input_ids=ids.tolist(), attention_mask=[[1] * 4], labels=ids.tolist())
    # Every eighth of the last token's alone.
    numbers = json.dumps(dict(base="llama-mini", batch=batch, logits=logits[0, -1, ::8].tolist()))
    (out / "expect.json").write_text(re.sub(r"(\d\.\d{7})\d+", r"\1", numbers) + "\n")


for case in ["reports-adapter-as-bin", "reports-adapter-eva-start"]:
    if not sys.argv[1:] or case in sys.argv:
        on_mini(case)
for case in [case for case in CASES if not sys.argv[1:] or case in sys.argv]:
    for variant, (base, kind, config) in CASES[case].items():
        # What lies here stays: a golden is made once.
        if (HERE / case / variant).exists():
            continue
        if case == "exchange-prefix-encoder":
            accept(T.RobertaModel)
        save_base(base)
        out = HERE / case / variant
        model = move(get_peft_model(load(base, kind), config(TASKS[kind])))
        if variant.endswith("-half"):
            # The file rounds the base's own matrices; what they compute is the base's, not theirs.
            model = model.to(torch.bfloat16)
        model.save_pretrained(out)
        (out / "README.md").unlink()
        # No path of the machine that made it.
        path = out / "adapter_config.json"
        path.write_text(re.sub(r'"base_model_name_or_path": "[^"]*"', f'"base_model_name_or_path": "{base}"', path.read_text()))  # fmt: skip
        expected = expect(PeftModel.from_pretrained(load(base, kind), out).eval(), kind)
        numbers = json.dumps(dict(base=base, **expected))
        (out / "expect.json").write_text(re.sub(r"(\d\.\d{7})\d+", r"\1", numbers) + "\n")
        if (case, variant) in WITH_GRADIENTS:
            trained = PeftModel.from_pretrained(load(base, kind), out, is_trainable=True).eval()
            numbers = json.dumps(gradients(trained, kind))
            (out / "gradients.json").write_text(re.sub(r"(\d\.\d{7})\d+(?!e)", r"\1", numbers) + "\n")
        print(case, variant, base)
