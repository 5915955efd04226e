// Runs a graph of ONNX operations with onnxruntime-node. Used by the scripts of this folder, which install its packages.
const { onnx } = require('onnx-proto');
const ort = require('onnxruntime-node');

const FLOAT = 1;
const INT64 = 7;
const INT = onnx.AttributeProto.AttributeType.INT;
const STRING = onnx.AttributeProto.AttributeType.STRING;

/** A tensor's type, by the sizes of its axes. */
const tensor = (sizes, elemType = FLOAT) => ({
  tensorType: { elemType, shape: { dim: sizes.map((n) => ({ dimValue: n })) } },
});

function attribute(name, value) {
  if (Array.isArray(value)) return { name, type: onnx.AttributeProto.AttributeType.INTS, ints: value };
  if (typeof value === 'string') return { name, type: STRING, s: Buffer.from(value) };
  return { name, type: INT, i: value };
}

/**
 * nodes: [operation, inputs, outputs, attributes]; inputs: { name: [data, sizes] }; outputs: { name: type }; lists: constant
 * int64 operands. Returns the session and its feeds.
 */
async function session({ nodes, inputs, outputs, lists = {}, options = {} }) {
  const model = onnx.ModelProto.encode({
    irVersion: 10,
    opsetImport: [{ domain: '', version: 20 }],
    graph: {
      name: 'finding',
      node: nodes.map(([opType, input, output, attributes = {}]) => ({
        opType,
        input,
        output,
        attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      })),
      input: Object.entries(inputs).map(([name, [, sizes]]) => ({ name, type: tensor(sizes) })),
      output: Object.entries(outputs).map(([name, type]) => ({ name, type })),
      initializer: Object.entries(lists).map(([name, [values, sizes = [values.length]]]) => ({
        name,
        dims: sizes,
        dataType: INT64,
        int64Data: values,
      })),
    },
  }).finish();
  const made = await ort.InferenceSession.create(Buffer.from(model), options);
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, [data, sizes]]) => [
      name,
      new ort.Tensor('float32', Float32Array.from(data), sizes),
    ]),
  );
  return { session: made, feeds };
}

/** The first output of one operation on x. */
async function apply(operation, data, sizes, { to, list, attributes, options } = {}) {
  const { session: made, feeds } = await session({
    nodes: [
      [operation, list ? ['x', 'list'] : ['x'], operation === 'TopK' ? ['y', 'places'] : ['y'], attributes],
    ],
    inputs: { x: [data, sizes] },
    outputs: { y: tensor(to) },
    lists: list ? { list: [list] } : {},
    options,
  });
  return [...(await made.run(feeds)).y.data];
}

/** Ends the script with failure where what was seen is not what is said here. */
function expect(what, holds) {
  console.log(`${holds ? 'as found' : 'CHANGED '}: ${what}`);
  if (!holds) process.exitCode = 1;
}

module.exports = { ort, session, apply, expect, tensor };
