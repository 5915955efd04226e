#!/usr/bin/env python3
"""Makes prompts.json: hashes of the prompts and tokens that lm-evaluation-harness 0.4.13 builds.

Usage: make.py DATA BASE OUT. DATA is the folder that DELTABENCH_DATA names, BASE SmolLM2-135M-Instruct; neither their
sentences nor their tokens are written. hellaswag-rows.json was made for this test. WinoGrande's rows from the 700th on
are asked, with one written here; those before them and three that are asked, too, are its examples.
Needs: pip install lm-eval[hf]==0.4.13 (made with datasets 5.2.0, transformers 5.24.0).
"""
import csv, gzip, hashlib, io, json, os, re, sys, tarfile, tempfile

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1")
import datasets, transformers
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

datasets.disable_progress_bars()
data, base, out = sys.argv[1:]
here = os.path.dirname(os.path.abspath(__file__))
folder = tempfile.mkdtemp()
SHOTS = (0, 1, 2, 3, 7, 25)
SUBJECTS = ("anatomy", "moral_scenarios", "professional_law")


def read(path):
    path = os.path.join(data, "llm-adapters", path)
    opened = gzip.open(path + ".gz") if os.path.exists(path + ".gz") else open(path)
    return json.load(opened)


def write(name, rows):
    path = os.path.join(folder, name + ".jsonl")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def arc(row):
    asked = r"Please choose the correct answer to the question: (.*)\n\nAnswer1: (.*)\n\nAnswer format: "
    question, choices = re.match(asked, row["instruction"], re.S).groups()
    texts = re.split(r" Answer\d: ", choices)
    labels = [str(i + 1) for i in range(len(texts))]
    return dict(question=question, choices=dict(text=texts, label=labels), answerKey=row["answer"][6:])


def fill(row):
    found = re.search(r"sentence: (.*)\n\nOption1: (.*) Option2: (.*) Answer format", row["instruction"], re.S)
    sentence, option1, option2 = found.groups()
    return dict(sentence=sentence, option1=option1, option2=option2, answer=row["answer"][-1])


def truth(row):
    parts = lambda text: [a if a.endswith(".") else a + "." for a in (x.strip() for x in text.split(";")) if a]
    best, right, wrong = (parts(row[k]) for k in ("Best Answer", "Correct Answers", "Incorrect Answers"))
    targets = lambda true: dict(choices=true + wrong, labels=[1] * len(true) + [0] * len(wrong))
    return dict(question=row["Question"], mc1_targets=targets(best), mc2_targets=targets(right))


for part in ("ARC-Easy", "ARC-Challenge"):
    for split in ("train", "test"):
        write(f"{part}/{split}", map(arc, read(f"{part}/{split}.json")))
rows = list(map(fill, read("winogrande/test.json")))
odd = dict(sentence="_'s hat  fell, and _ too. ", option1=" Ann ", option2="Bo", answer="2")
write("winogrande/train", rows[:703])
write("winogrande/validation", rows[700:] + [odd])
for split in ("train", "test"):
    write(f"gsm8k/{split}", map(json.loads, open(os.path.join(data, "gsm8k", split + ".jsonl"))))
archive = tarfile.open(os.path.join(data, "mmlu-truthfulqa-arc", "MMLU.tar.gz"))
for name in archive.getnames():
    found = re.search(r"/(dev|test)/(.*)_(dev|test)\.csv$", name)
    if not found or found[2] not in SUBJECTS:
        continue
    text = io.StringIO(archive.extractfile(name).read().decode(), newline="")
    row = lambda r: dict(question=r[0], subject=found[2], choices=r[1:5], answer="ABCD".index(r[5]))
    write(f"mmlu/{found[2]}/{found[1]}", map(row, csv.reader(text)))
path = os.path.join(data, "mmlu-truthfulqa-arc", "TruthfulQA", "TruthfulQA.csv")
write("truthfulqa/validation", map(truth, csv.DictReader(open(path, encoding="utf-8-sig", newline=""))))
for split, made in json.load(open(os.path.join(here, "hellaswag-rows.json"))).items():
    write(f"hellaswag/{split}", made)

places = dict(
    arc_easy=("ARC-Easy", "train test"),
    arc_challenge=("ARC-Challenge", "train test"),
    hellaswag=("hellaswag", "train validation"),
    winogrande=("winogrande", "train validation"),
    gsm8k=("gsm8k", "train test"),
    truthfulqa_mc1=("truthfulqa", "validation"),
    truthfulqa_mc2=("truthfulqa", "validation"),
    **{f"mmlu_{subject}": (f"mmlu/{subject}", "dev test") for subject in SUBJECTS},
)
jobs = [(name, shots, 40, False) for name in places for shots in SHOTS if not name.startswith(("mmlu", "truth"))]
jobs.remove(("hellaswag", 25, 40, False))  # Its rows here are fewer.
jobs += [(f"mmlu_{subject}", shots, 12, False) for subject in SUBJECTS for shots in (0, 1, 3, 5)]
jobs += [("truthfulqa_mc1", 0, 60, False), ("truthfulqa_mc2", 0, 60, False), ("winogrande", 4, 600, False)]
chats = dict(arc_easy=0, arc_challenge=3, hellaswag=2, winogrande=4, gsm8k=3, truthfulqa_mc2=0, mmlu_anatomy=5)
jobs += [(name, shots, 20, True) for name, shots in chats.items()]

# What of its class of models builds requests and encodes them, without the model.
lm = object.__new__(HFLM)
lm.__dict__.update(backend="causal", add_bos_token=None, custom_prefix_token_id=None, chat_template_args={})
lm.tokenizer = transformers.AutoTokenizer.from_pretrained(base)
manager = TaskManager()
sha1 = lambda value: hashlib.sha1(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()
made = []
for name, shots, limit, chat in jobs:
    place, splits = places[name]
    files = {split: os.path.join(folder, place, split + ".jsonl") for split in splits.split()}
    task_file = os.path.join(folder, f"{name}-{shots}.yaml")
    with open(task_file, "w") as file:
        own = dict(include=str(manager.task_index[name].yaml_path), task=name, num_fewshot=shots)
        json.dump(own | dict(dataset_path="json", dataset_name=None, dataset_kwargs=dict(data_files=files)), file)
    (task,) = manager.load([task_file])["tasks"].values()
    task.set_fewshot_seed(1234)
    talk = dict(apply_chat_template=True, fewshot_as_multiturn=True, chat_template=lm.apply_chat_template)
    task.build_all_requests(limit=limit, **(talk | dict(tokenizer_name="x") if chat else {}))
    requests = sorted(task.instances, key=lambda request: (request.doc_id, request.idx))
    texts = [[a, b if isinstance(b, str) else ""] for a, b in (request.args for request in requests)]
    tokens = [lm._encode_pair(a, b) if b else [lm.tok_encode(a), []] for a, b in texts]
    about = dict(task=name, shots=shots, limit=limit, chat=chat, requests=len(texts))
    made.append(about | dict(texts=sha1(texts), tokens=sha1(tokens)))
with open(out, "w") as file:
    file.write("[\n" + ",\n".join("  " + json.dumps(one) for one in made) + "\n]\n")
