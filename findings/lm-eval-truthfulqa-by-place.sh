#!/usr/bin/env bash
# lm-eval 0.4.13. TruthfulQA's rows say by labels which answers are true, but the task truthfulqa_mc1 takes the first answer for the true
# one (doc_to_target: 0) and reads no label; truthfulqa_mc2 of the same rows goes by the labels. On data with the answers in another order,
# such as a shuffled copy, mc1 counts a false answer as right without a word.
# Output seen, for a model that is sure of the first of three answers:
#   labels [1, 0, 0]: mc1 1.0, mc2 1.000
#   labels [0, 1, 0]: mc1 1.0, mc2 0.000
# deltabench follows it (harness/evaluation/suites/truthfulqa.ts).
# DELTABENCH_PYTHON may name a Python that has this version; else it is installed into a temporary folder.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python=${DELTABENCH_PYTHON:-}
if [ -z "$python" ]; then
  python3 -m venv venv
  venv/bin/pip install --quiet torch==2.15.0 transformers==5.24.0 "lm-eval[hf]==0.4.13"
  python=venv/bin/python
fi
HF_HUB_OFFLINE=1 "$python" -W ignore - 2> errors.log <<'PY' || { cat errors.log; exit 1; }
import json, pathlib
import yaml
from lm_eval.api.task import ConfigurableTask
from lm_eval.tasks.truthfulqa import utils

mc1 = yaml.safe_load((pathlib.Path(utils.__file__).parent / "truthfulqa_mc1.yaml").read_text())
mc1 = {name: value for name, value in mc1.items() if name != "tag"}
mc2 = {**mc1, "task": "truthfulqa_mc2", "doc_to_choice": "{{mc2_targets.choices}}", "process_results": utils.process_results_mc2}
sure = [(-0.001, True), (-20.0, False), (-20.0, False)]


def scores(labels):
    targets = {"choices": ["A.", "B.", "C."], "labels": labels}
    with open("rows.jsonl", "w") as file:
        file.write(json.dumps({"question": "q?", "mc1_targets": targets, "mc2_targets": targets}))
    source = {"dataset_path": "json", "dataset_name": None, "dataset_kwargs": {"data_files": {"validation": "rows.jsonl"}}}
    found = []
    for settings in (mc1, mc2):
        task = ConfigurableTask(config={**settings, **source})
        document = list(task.validation_docs())[0]
        found.append(float(task.process_results(document, sure)["acc"]))
    print(f"labels {labels}: mc1 {found[0]}, mc2 {found[1]:.3f}")
    return found


first, second = scores([1, 0, 0]), scores([0, 1, 0])
assert first[0] == second[0] == 1 and first[1] > 0.99 and second[1] < 0.01, "the behaviour has changed"
PY
