#!/usr/bin/env bash
# onnxruntime 1.30.0 (PyPI), provider of the CPU: the contributed operation SkipLayerNormalization, which its transformer
# optimiser puts in the place of two additions and a LayerNormalization, takes about twice as long as the three of them
# (one thread) and rounds worse: its largest error is three to five times theirs.
# Output seen (processor time, medians of 40 runs in turns; error against float64):
#   rows [1024, 384]: one fused node 2.1 ms, three nodes 0.8 ms; error 5.7e-06 against 1.7e-06
#   rows [1024, 768]: one fused node 4.1 ms, three nodes 2.3 ms; error 1.1e-05 against 2.2e-06
# deltabench leaves additions and norms as nodes of their own on the CPU (docs/speed.md).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.30.0 onnx==1.20.0 numpy==2.3.5
"$folder/bin/python" - <<'PY'
import time
import numpy as np, onnxruntime
from onnx import TensorProto, helper


def session_of(nodes, rows, width):
    typed = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    vectors = [typed(name, [width]) for name in ("weight", "shift", "bias")]
    graph = helper.make_graph(nodes, "norm", [typed("x", [rows, width]), typed("skip", [rows, width]), *vectors],
                              [typed("y", [rows, width]), typed("sum", [rows, width])])
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    model = helper.make_model(graph, ir_version=9, opset_imports=opsets).SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


fused = [helper.make_node("SkipLayerNormalization", ["skip", "x", "weight", "shift", "bias"], ["y", "", "", "sum"],
                          domain="com.microsoft", epsilon=1e-5)]
plain = [helper.make_node("Add", ["x", "bias"], ["biased"]), helper.make_node("Add", ["skip", "biased"], ["sum"]),
         helper.make_node("LayerNormalization", ["sum", "weight", "shift"], ["y"], epsilon=1e-5, axis=-1)]
print("onnxruntime", onnxruntime.__version__)
for rows, width in ((1024, 384), (1024, 768)):
    draw = np.random.default_rng(0)
    shapes = {"x": (rows, width), "skip": (rows, width), "weight": width, "shift": width, "bias": width}
    given = {name: draw.normal(3 if name == "skip" else 0, 1, shape).astype(np.float32)
             for name, shape in shapes.items()}
    exact = given["skip"].astype(np.float64) + given["x"] + given["bias"]
    exact = (exact - exact.mean(1, keepdims=True)) / np.sqrt(exact.var(1, keepdims=True) + 1e-5)
    exact = exact * given["weight"] + given["shift"]
    sessions = [session_of(nodes, rows, width) for nodes in (fused, plain)]
    times, errors = ([], []), []
    for session in sessions:
        errors.append(np.abs(session.run(["y"], given)[0] - exact).max())
    for _ in range(40):
        for spent, session in zip(times, sessions):
            before = time.process_time()
            session.run(["y", "sum"], given)
            spent.append(1e3 * (time.process_time() - before))
    one, three = (float(np.median(spent)) for spent in times)
    print("rows [%d, %d]: one fused node %.1f ms, three nodes %.1f ms; error %.1e against %.1e"
          % (rows, width, one, three, *errors))
    assert one > 1.3 * three, "the fused node is no longer slower"
    assert errors[0] > 1.5 * errors[1], "the fused node rounds as well as the others now"
PY
