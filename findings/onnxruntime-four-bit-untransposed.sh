#!/usr/bin/env bash
# onnxruntime 1.30.0 (PyPI), provider of the CPU: the contributed operation MatMulBnb4 has an attribute transB, whether the
# packed weight is transposed before the product. With transB 0 it computes what it computes with transB 1, without an
# error: x Wᵀ where x W was asked for. A backward pass dx = dy W that is written so trains on wrong gradients.
# Output seen (largest difference from either product, W [64, 64] of NF4 in blocks of 64):
#   transB 1: from x Wᵀ 5.7e-06, from x W 3.1e+01
#   transB 0: from x Wᵀ 5.7e-06, from x W 3.1e+01
# deltabench unpacks the weight for its backward pass (harness/engine/graph/packed-weights.ts).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder"
"$folder/bin/pip" install --quiet --disable-pip-version-check onnxruntime==1.30.0 onnx==1.20.0 numpy==2.3.5
"$folder/bin/python" - <<'PY'
import numpy as np, onnx, onnxruntime
from onnx import TensorProto, helper

# The table of NF4, code 0 to 15 (bitsandbytes, QLoRA).
table = np.array([-1, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.09105004, 0, 0.0795803,
                  0.1609302, 0.2461123, 0.33791524, 0.44070983, 0.562617, 0.72295684, 1], np.float32)
n = 64
draw = np.random.default_rng(0)
codes = draw.integers(0, 256, n * n // 2, dtype=np.uint8)
scales = draw.uniform(0.5, 2, n).astype(np.float32)
values = table[np.stack([codes >> 4, codes & 15], axis=1).ravel()]
W = values.reshape(n, n) * scales[:, None]
x = draw.standard_normal((3, n)).astype(np.float32)

print("onnxruntime", onnxruntime.__version__)
differences = {}
for transposed in (1, 0):
    node = helper.make_node("MatMulBnb4", ["x", "codes", "scales"], ["y"], domain="com.microsoft",
                            K=n, N=n, block_size=64, quant_type=1, transB=transposed)
    graph = helper.make_graph(
        [node], "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, n]),
         helper.make_tensor_value_info("codes", TensorProto.UINT8, [n * n // 2]),
         helper.make_tensor_value_info("scales", TensorProto.FLOAT, [n])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3, n])])
    model = helper.make_model(graph, ir_version=10,
                              opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)])
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x, "codes": codes, "scales": scales})
    differences[transposed] = [np.abs(y - wanted).max() for wanted in (x @ W.T, x @ W)]
    print("transB %d: from x Wᵀ %.1e, from x W %.1e" % (transposed, *differences[transposed]))
(right, _), (same, wanted) = differences[1], differences[0]
assert right < 1e-4, "with transB 1 the product is another one now"
assert same < 1e-4 < wanted, "transB 0 is heeded or refused now"
PY
