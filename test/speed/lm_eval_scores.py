#!/usr/bin/env python3
"""lm-evaluation-harness on a benchmark's first documents, timed: the other side of the evaluation rows.

Needs: pip install lm-eval[hf]==0.4.13. Takes lm-eval's own task file and puts local files in place of the hub's.
Prints a JSON object of versions and of the prompts' SHA-1. For each number n on standard input it then scores the first
n documents, from texts to numbers, and prints the milliseconds.
"""
import argparse, hashlib, json, os, resource, sys, time

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1")
import datasets, lm_eval, torch, transformers
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager

datasets.disable_progress_bars()
p = argparse.ArgumentParser()
for name in "task", "shots", "base", "data", "documents", "pool", "pool-split":
    p.add_argument(f"--{name}", required=True)
p.add_argument("--threads", type=int, required=True)
p.add_argument("--batch", type=int, required=True)
p.add_argument("--limit", type=int, required=True)
a = p.parse_args()
torch.set_num_threads(a.threads)

manager = TaskManager()
task_file = os.path.join(a.data, f"{a.task}.yaml")
with open(task_file, "w") as file:
    included = manager.task_index[a.task].yaml_path
    files = {"test": a.documents, a.pool_split: a.pool}
    settings = dict(
        include=str(included),
        task=a.task,
        dataset_path="json",
        dataset_name=None,
        dataset_kwargs=dict(data_files=files),
        num_fewshot=int(a.shots),
        training_split=None,
        validation_split=None,
        fewshot_split=a.pool_split,
    )
    json.dump(settings, file)
(task,) = manager.load([task_file])["tasks"].values()
# The seed of its command line.
task.set_fewshot_seed(1234)
task.build_all_requests(limit=a.limit)
lm = HFLM(pretrained=a.base, dtype="float32", device="cpu", batch_size=a.batch)
calls = dict(loglikelihood=lm.loglikelihood, generate_until=lm.generate_until)


def score(n):
    requests = [request for request in task.instances if request.doc_id < n]
    start, before = time.perf_counter(), time.process_time()
    with torch.inference_mode():
        answers = calls[requests[0].request_type](requests, disable_tqdm=True)
    return [(time.perf_counter() - start) * 1e3], [(time.process_time() - before) * 1e3], answers


texts = [request.args[0] + (request.args[1] if isinstance(request.args[1], str) else "") for request in task.instances]
digest = hashlib.sha1("\n".join(texts).encode()).hexdigest()
versions = {each.__name__: each.__version__ for each in (torch, transformers)} | {"lm-eval": lm_eval.__version__}
print(json.dumps(dict(versions=versions, prompts=digest)), flush=True)
for line in sys.stdin:
    times, cpu, answers = score(int(line))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    answers = [answer if isinstance(answer, str) else answer[0] for answer in answers]
    print(json.dumps(dict(times=times, cpu=cpu, peak=peak, answers=answers)), flush=True)
