"""Writes the reference numbers of the families beside GPT-2, Llama, RoBERTa, BERT and T5: tiny random models of
transformers, their logits, losses, gradients and generated tokens, and counts of peft's parameters.

    python test/golden/parity/families.py [model ...]

Made with torch 2.15.0 (CPU, one thread, eager attention, float32), transformers 5.24.0 and peft 0.21.2. Weights and
token ids are random numbers.
"""

import copy
import json
import pathlib
import sys

import torch
from peft import IA3Config, LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoModelForSequenceClassification,
)
import peft
import transformers

here = pathlib.Path(__file__).parent
torch.set_num_threads(1)

VOCABULARY = 41
llama = dict(
    vocab_size=VOCABULARY,
    hidden_size=16,
    intermediate_size=20,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=64,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    tie_word_embeddings=False,
)
rope = dict(rope_type='default', rope_theta=100.0)
gemma = dict(
    llama,
    head_dim=6,
    query_pre_attn_scalar=9,
    sliding_window=4,
    attn_logit_softcapping=2.0,
    final_logit_softcapping=3.0,
    tie_word_embeddings=True,
)
decoders = {
    'qwen2': dict(
        llama, rope_parameters=rope, use_sliding_window=True, sliding_window=4, max_window_layers=1
    ),
    'qwen3': dict(llama, head_dim=6, rope_parameters=rope, tie_word_embeddings=True),
    'mistral': dict(llama, head_dim=6, rope_parameters=rope, sliding_window=4),
    'smollm3': dict(
        llama,
        num_hidden_layers=3,
        rope_parameters=rope,
        no_rope_layer_interval=2,
        use_sliding_window=True,
        sliding_window=5,
        tie_word_embeddings=True,
    ),
    'gemma2': dict(gemma, rope_parameters=rope),
    'gemma3_text': dict(
        gemma,
        attn_logit_softcapping=None,
        num_hidden_layers=3,
        layer_types=['sliding_attention', 'full_attention', 'sliding_attention'],
        rope_parameters=dict(
            full_attention=dict(rope_type='linear', rope_theta=100.0, factor=4.0),
            sliding_attention=dict(rope_type='default', rope_theta=30.0),
        ),
    ),
    'phi3': dict(
        llama,
        sliding_window=6,
        hidden_size=32,
        max_position_embeddings=64,
        original_max_position_embeddings=32,
        rope_parameters=dict(
            rope_type='longrope',
            rope_theta=100.0,
            partial_rotary_factor=0.5,
            short_factor=[1.0, 1.5],
            long_factor=[2.0, 4.0],
        ),
    ),
    'olmo2': dict(llama, rope_parameters=rope),
    'gpt_neox': dict(
        {k: v for k, v in llama.items() if k != 'num_key_value_heads'},
        hidden_size=32,
        rope_parameters=dict(rope, partial_rotary_factor=0.5),
    ),
    'starcoder2': dict(llama, rope_parameters=rope, sliding_window=5, tie_word_embeddings=True),
    'opt': dict(
        vocab_size=VOCABULARY,
        hidden_size=16,
        ffn_dim=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        dropout=0.0,
    ),
}
seq2seq = {
    'mt5': dict(
        vocab_size=VOCABULARY,
        d_model=16,
        d_kv=4,
        d_ff=20,
        # transformers' generate has no cache for more layers of the decoder than of the encoder.
        num_layers=3,
        num_decoder_layers=2,
        num_heads=4,
        relative_attention_num_buckets=8,
        relative_attention_max_distance=10,
        dropout_rate=0.0,
        eos_token_id=2,
    ),
}
# Stacks that differ in layers, heads and widths.
seq2seq['bart'] = dict(
    vocab_size=VOCABULARY,
    d_model=16,
    encoder_layers=3,
    decoder_layers=2,
    encoder_ffn_dim=20,
    decoder_ffn_dim=24,
    encoder_attention_heads=4,
    decoder_attention_heads=2,
    max_position_embeddings=32,
    scale_embedding=True,
    dropout=0.0,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
    decoder_start_token_id=2,
    forced_eos_token_id=2,
)
encoder = dict(
    vocab_size=VOCABULARY,
    hidden_size=16,
    intermediate_size=20,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=32,
    type_vocab_size=2,
    pad_token_id=0,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    num_labels=3,
)
encoders = {
    'distilbert': dict(
        vocab_size=VOCABULARY,
        dim=16,
        hidden_dim=20,
        n_layers=2,
        n_heads=4,
        max_position_embeddings=32,
        dropout=0.0,
        attention_dropout=0.0,
        seq_classif_dropout=0.0,
        num_labels=3,
    ),
    'electra': dict(encoder, embedding_size=8),
    # Three layers of two blocks each, in two groups: the first block computes twice.
    'albert': dict(
        encoder,
        embedding_size=8,
        num_hidden_layers=3,
        num_hidden_groups=2,
        inner_group_num=2,
        classifier_dropout_prob=0.0,
    ),
    'modernbert': dict(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=20,
        num_hidden_layers=3,
        num_attention_heads=4,
        max_position_embeddings=32,
        pad_token_id=0,
        local_attention=6,
        global_attn_every_n_layers=2,
        rope_parameters=dict(
            full_attention=dict(rope_type='default', rope_theta=100.0),
            sliding_attention=dict(rope_type='default', rope_theta=30.0),
        ),
        classifier_pooling='mean',
        num_labels=3,
    ),
    # As v3 is, with few buckets.
    'deberta-v2': dict(
        encoder,
        type_vocab_size=0,
        relative_attention=True,
        position_buckets=6,
        max_relative_positions=12,
        norm_rel_ebd='layer_norm',
        share_att_key=True,
        pos_att_type=['p2c', 'c2p'],
        position_biased_input=False,
    ),
}
# The linear modules of a block, for peft.
linears = {
    'distilbert': ['q_lin', 'k_lin', 'v_lin', 'out_lin', 'lin1', 'lin2'],
    'electra': ['query', 'key', 'value', 'attention.output.dense', 'intermediate.dense', 'output.dense'],
    'albert': ['query', 'key', 'value', 'attention.dense', 'ffn', 'ffn_output'],
    'modernbert': ['Wqkv', 'Wi', 'Wo'],
    'deberta-v2': [
        'query_proj',
        'key_proj',
        'value_proj',
        'attention.output.dense',
        'intermediate.dense',
        'output.dense',
    ],
    'bart': ['q_proj', 'k_proj', 'v_proj', 'out_proj', 'fc1', 'fc2'],
    'mt5': ['q', 'k', 'v', 'o', 'wi_0', 'wi_1', 'wo'],
    'phi3': ['qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj'],
    'gpt_neox': ['query_key_value', 'dense', 'dense_h_to_4h', 'dense_4h_to_h'],
    'starcoder2': ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'c_fc', 'c_proj'],
    'opt': ['q_proj', 'k_proj', 'v_proj', 'out_proj', 'fc1', 'fc2'],
}
# What peft must save beside, and what it calls the pooler of the base.
heads = {
    'distilbert': ['pre_classifier', 'classifier'],
    'electra': ['classifier'],
    'albert': ['classifier'],
    'modernbert': ['head', 'classifier'],
    'deberta-v2': ['pooler', 'classifier'],
}
llama_linears = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']


def randomize(model, seed, size=1.2):
    """Draws every weight, norms around what they start from and biases beside 0, so that no error hides."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.named_parameters():
        noise = torch.randn(tensor.shape, generator=generator)
        if tensor.ndim > 1:
            tensor.data = noise * size * tensor.shape[-1] ** -0.5
        else:
            tensor.data = tensor.data.round() + 0.1 * noise
    for name, tensor in model.named_buffers():
        if name == 'final_logits_bias':
            tensor.copy_(0.5 * torch.randn(tensor.shape, generator=generator))


def padded(rows, side):
    length = max(map(len, rows))
    fill = [[0] * (length - len(row)) for row in rows]
    ids = [pad + row if side == 'left' else row + pad for row, pad in zip(rows, fill)]
    mask = [[0] * len(p) + [1] * len(r) if side == 'left' else [1] * len(r) + [0] * len(p) for r, p in zip(rows, fill)]
    return ids, mask


def batches(seed, writes_apart):
    generator = torch.Generator().manual_seed(seed)
    draw = lambda n: torch.randint(3, VOCABULARY, (n,), generator=generator).tolist()
    for key, lengths, side in [
        ('full', [11, 11], 'right'),
        ('right_padded', [13, 6, 9], 'right'),
        ('left_padded_mask_positions', [13, 6, 9], 'left'),
    ]:
        rows = [draw(n) for n in lengths]
        ids, mask = padded(rows, side)
        labels = [[i if m and at >= 4 else -100 for at, (i, m) in enumerate(zip(*both))] for both in zip(ids, mask)]
        batch = dict(input_ids=ids, attention_mask=mask, labels=labels)
        if writes_apart:
            if side == 'left':
                continue
            targets = [draw(n) for n in ((7, 7) if key == 'full' else (7, 4, 9))]
            batch['labels'] = [row + [-100] * (max(map(len, targets)) - len(row)) for row in targets]
        elif side == 'left':
            positions = torch.tensor(mask).cumsum(-1) - 1
            batch['position_ids'] = positions.masked_fill(positions < 0, 1).tolist()
        yield key, batch


def labelled(name):
    """Batches of an encoder with a class or a value for each row; every position lies within the tables."""
    generator = torch.Generator().manual_seed(7)
    draw = lambda n, low, high: torch.randint(low, high, (n,), generator=generator).tolist()
    for key, lengths in [('full', [11, 11]), ('right_padded', [13, 6, 1])]:
        ids, mask = padded([draw(n, 3, VOCABULARY) for n in lengths], 'right')
        batch = dict(input_ids=ids, attention_mask=mask, labels=draw(len(lengths), 0, 3))
        if encoders[name].get('type_vocab_size', 0) > 1:
            batch['token_type_ids'] = [[int(m and at > 3) for at, m in enumerate(row)] for row in mask]
        yield key, batch


def tensors_of(batch):
    return {key: torch.tensor(value) for key, value in batch.items()}


def loss_of(model, batch):
    """The mean cross entropy of the labels, as transformers' models compute it."""
    out = model(**tensors_of(batch), output_hidden_states=True)
    return out.loss, out


def write_json(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data) + '\n')


def write_forward(folder, model, name):
    cases, tensors = {}, {}
    for key, batch in batches(7, name in seq2seq):
        with torch.no_grad():
            loss, out = loss_of(model, batch)
        tensors[f'{key}.logits'] = out.logits.contiguous()
        if name not in seq2seq:
            tensors[f'{key}.last_hidden_state'] = out.hidden_states[-1].contiguous()
        cases[key] = dict(batch=batch, loss=loss.item())
    write_json(folder / 'forward.json', dict(model=name, cases=cases))
    save_file(tensors, folder / 'forward.safetensors')


def write_classified(folder, model, valued, name):
    cases, tensors = {}, {}
    for key, batch in labelled(name):
        labels = [0.5, -1.25, 2.0][: len(batch['labels'])]
        with torch.no_grad():
            loss, out = loss_of(model, batch)
            mse, value = loss_of(valued, batch | dict(labels=labels))
        tensors[f'{key}.logits'] = out.logits.contiguous()
        tensors[f'{key}.last_hidden_state'] = model.base_model(
            **{k: v for k, v in tensors_of(batch).items() if k != 'labels'}
        ).last_hidden_state.detach()
        values = dict(labels=labels, logits=value.logits.flatten().tolist(), mse=mse.item())
        cases[key] = dict(batch=batch, loss=loss.item(), regression=values)
    write_json(folder / 'forward.json', dict(model=name, cases=cases))
    save_file(tensors, folder / 'forward.safetensors')


def write_generate(folder, model, name):
    generator = torch.Generator().manual_seed(11)
    rows = [torch.randint(3, VOCABULARY, (n,), generator=generator).tolist() for n in (9, 3, 12, 6)]
    ids, mask = padded(rows, 'right' if name in seq2seq else 'left')
    batch = dict(input_ids=ids, attention_mask=mask)
    runs = {
        'greedy': dict(num_beams=1),
        'beam10_ngram4_lp0.9': dict(
            num_beams=10, no_repeat_ngram_size=4, length_penalty=0.9, early_stopping=False
        ),
    }
    if name in seq2seq:
        runs['beam10_lp0.9'] = dict(num_beams=10, length_penalty=0.9, early_stopping=False)
    if name == 'bart':
        runs['beam4_forced'] = dict(num_beams=4, forced_bos_token_id=5, forced_eos_token_id=2)
    made = {}
    for run, config in runs.items():
        ask = dict(
            tensors_of(batch), max_new_tokens=16, do_sample=False, eos_token_id=2, pad_token_id=0, output_scores=True
        )
        out = model.generate(**ask, **config, return_dict_in_generate=True)
        made[run] = dict(config=config, sequences=out.sequences.tolist())
        if config['num_beams'] > 1:
            made[run]['sequences_scores'] = out.sequences_scores.tolist()
    length = 1 if name in seq2seq else 12
    ends = dict(eos_token_id=2, pad_token_id=0, max_new_tokens=16)
    data = dict(model=name, batch=batch, prompt_length=length, **ends, runs=made)
    write_json(folder / 'generate.json', data)


def write_method(name, method, model, config):
    """Losses, logits and gradients of what is trainable, and the losses of three steps of AdamW."""
    if name in encoders:
        batch = dict(labelled(name))['right_padded']
    else:
        batch = dict(batches(7, name in seq2seq))['right_padded']
    if name in decoders:
        # OPT gives padding a position of its own, whose logits the tests compare, too.
        batch['position_ids'] = [list(range(len(row))) for row in batch['input_ids']]
    trainable = {key: tensor for key, tensor in model.named_parameters() if tensor.requires_grad}
    rename = lambda key: key.replace('.modules_to_save', '').replace('.default', '')
    tensors = {}
    if method != 'full':
        tensors |= {f'state.{rename(key)}': tensor.detach().clone() for key, tensor in trainable.items()}
    loss, out = loss_of(model, batch)
    loss.backward()
    tensors['logits_state'] = out.logits.detach().contiguous()
    for key, tensor in trainable.items():
        tensors[f'grad.{rename(key)}'] = tensor.grad.clone()
    optimizer = torch.optim.AdamW(trainable.values(), weight_decay=0.01)
    rates, losses = [0.005, 0.01, 0.01], []
    for rate in rates:
        optimizer.param_groups[0]['lr'] = rate
        optimizer.zero_grad()
        step_loss, _ = loss_of(model, batch)
        step_loss.backward()
        losses.append(step_loss.item())
        optimizer.step()
    with torch.no_grad():
        final, _ = loss_of(model, batch)
    data = dict(
        batch=batch,
        loss_state=loss.item(),
        trainable=[dict(name=rename(key), shape=list(tensor.shape)) for key, tensor in trainable.items()],
        trainable_count=sum(tensor.numel() for tensor in trainable.values()),
        config=config,
        adamw=dict(lrs=rates, losses=losses, loss_final=final.item(), weight_decay=0.01),
    )
    folder = here / 'methods' / f'{name}-tiny'
    write_json(folder / f'{method}.json', data)
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, folder / f'{method}.safetensors')


def trained(model):
    return sum(tensor.numel() for tensor in model.parameters() if tensor.requires_grad)


def blocks_of(config):
    if config.model_type == 'albert':
        return config.num_hidden_groups * config.inner_group_num
    return config.num_hidden_layers + (getattr(config, 'num_decoder_layers', None) or getattr(config, 'decoder_layers', None) or 0)


def counts(name, model, targets):
    """Trainable parameters by method; RED scales and shifts the output of each block's last linear."""
    width = model.config.hidden_size
    lora = trained(get_peft_model(copy.deepcopy(model), LoraConfig(r=4, target_modules=targets)))
    values = [t for t in targets if t in ('k', 'v', 'k_proj', 'v_proj', 'qkv_proj', 'query_key_value')]
    out = [t for t in targets if t in ('wo', 'down_proj', 'dense_4h_to_h', 'c_proj', 'fc2')]
    if encoders.get(name):
        # Keys and values, or the fused module, and the inputs of the sublayers' last linears.
        values = [t for t in targets if t in ('k_lin', 'v_lin', 'key', 'value', 'key_proj', 'value_proj', 'Wqkv')]
        ends = ('out_lin', 'lin2', 'attention.output.dense', 'output.dense', 'attention.dense', 'ffn_output', 'Wo')
        out = [t for t in targets if t in ends]
    ia3 = IA3Config(target_modules=values + out, feedforward_modules=out)
    return {
        'lora-all': lora,
        'ia3': trained(get_peft_model(copy.deepcopy(model), ia3)),
        'bitfit': sum(t.numel() for name, t in model.named_parameters() if name.endswith('.bias')),
        'red': 2 * width * blocks_of(model.config),
        'full': sum(t.numel() for t in model.parameters()),
    }


def write_encoder(name, config):
    def made(labels):
        own = copy.deepcopy(config)
        own.num_labels = labels
        model = AutoModelForSequenceClassification.from_config(own, attn_implementation='eager').eval()
        # ALBERT's six blocks in a row would grow rounding errors beyond the tolerances: at 0.8 this draw's gradients of
        # queries and keys are ill-conditioned. From float64, PyTorch's float32 is 3.8e-6 off and onnx's 7.2e-6, while over
        # 16 draws the median of both is 1.4e-6.
        randomize(model, 5, 0.5 if name == 'albert' else 1.2)
        return model

    model, valued = made(3), made(1)
    folder = here / f'{name}-tiny'
    model.save_pretrained(folder)
    own = {key for key, _ in model.base_model.named_parameters(prefix=model.base_model_prefix)}
    head = {key: tensor for key, tensor in valued.named_parameters() if key not in own}
    shared = dict(model.named_parameters())
    for key, tensor in valued.named_parameters():
        if key in own:
            tensor.data = shared[key].data
    save_file({key: tensor.detach().contiguous() for key, tensor in head.items()}, folder / 'head-regression.safetensors')
    write_classified(folder, model, valued, name)
    targets = linears[name]
    write_method(name, 'full', copy.deepcopy(model), {})
    lora = LoraConfig(
        r=2, lora_alpha=4, target_modules=targets, init_lora_weights=False, modules_to_save=heads[name]
    )
    torch.manual_seed(3)
    adapted = get_peft_model(copy.deepcopy(model), lora)
    write_method(name, 'lora-all', adapted, dict(r=2, lora_alpha=4, target_modules=targets))
    bare = AutoModel.from_config(copy.deepcopy(config), **(dict(add_pooling_layer=False) if name == 'albert' else {}))
    return counts(name, bare, targets)


def write(name, settings):
    config = AutoConfig.for_model(name, **settings)
    if name in encoders:
        return write_encoder(name, config)
    kind = AutoModelForSeq2SeqLM if name in seq2seq else AutoModelForCausalLM
    model = kind.from_config(config, attn_implementation='eager').eval()
    # T5 does not scale its scores.
    randomize(model, 5, 0.6 if name == 'mt5' else 1.2)
    if name == 'bart':
        # What it has read would be the best next token throughout, the end token first.
        model.model.shared.weight.data[2] *= 0.2
        model.model.decoder.embed_positions.weight.data *= 4
    model.generation_config.eos_token_id = 2
    folder = here / f'{name}-tiny'
    model.save_pretrained(folder)
    for extra in ('generation_config.json',):
        (folder / extra).unlink(missing_ok=True)
    write_forward(folder, model, name)
    write_generate(folder, model, name)
    targets = linears.get(name, llama_linears)
    count = counts(name, model, targets)
    write_method(name, 'full', copy.deepcopy(model), {})
    lora = LoraConfig(r=2, lora_alpha=4, target_modules=targets, init_lora_weights=False)
    torch.manual_seed(3)
    write_method(
        name, 'lora-all', get_peft_model(copy.deepcopy(model), lora), dict(r=2, lora_alpha=4, target_modules=targets)
    )
    return count


if __name__ == '__main__':
    chosen = sys.argv[1:] or [*decoders, *seq2seq, *encoders]
    path = here / 'family-counts.json'
    all_counts = json.loads(path.read_text())['counts'] if path.exists() else {}
    for name in chosen:
        all_counts[name] = write(name, (decoders | seq2seq | encoders)[name])
        print(name, all_counts[name], flush=True)
    made = dict(torch=torch.__version__, transformers=transformers.__version__, peft=peft.__version__)
    write_json(path, dict(made_with=made, counts=all_counts))
