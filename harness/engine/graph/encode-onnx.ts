/**
 * Encodes a graph as an ONNX model. It writes the part of onnx.proto (https://onnx.ai, IR version 10) that
 * our graphs need, field by field: a protobuf library would be larger than this file and copy the weights
 * once more.
 */
import { sizeOf } from '../../support/numbers/arithmetic.ts';
import type { FileLocation, Shape } from '../types.ts';

import { type Attribute, type Body, ELEMENT, type Node, readBy, type Value } from './node.ts';
import { NO_TENSOR } from '../onnxruntime/run-into.js';

/** The version of ONNX's operations, and the one that has these besides, which not every device knows. */
const OPSET = { usual: 20, newer: 23 } as const;
const NEWER = new Set(['Attention', 'DequantizeLinear']);

const utf8 = new TextEncoder();
type Bytes = readonly Uint8Array[];

function varint(value: number): number[] {
  const bytes: number[] = [];
  let remaining = BigInt.asUintN(64, BigInt(value));
  do {
    const low = Number(remaining & 127n);
    remaining >>= 7n;
    bytes.push(remaining > 0n ? low | 128 : low);
  } while (remaining > 0n);
  return bytes;
}
function integer(field: number, value: number): Bytes {
  return [Uint8Array.from([...varint(field << 3), ...varint(value)])];
}
function bytes(field: number, content: Bytes): Bytes {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return [Uint8Array.from([...varint((field << 3) | 2), ...varint(length)]), ...content];
}
function text(field: number, value: string): Bytes {
  return bytes(field, [utf8.encode(value)]);
}
function float(field: number, value: number): Bytes {
  return [Uint8Array.from([...varint((field << 3) | 5), ...new Uint8Array(Float32Array.of(value).buffer)])];
}

function attribute(name: string, value: Attribute): Bytes {
  const [type, content] =
    typeof value === 'number'
      ? [2, integer(3, value)]
      : typeof value === 'string'
        ? [3, text(4, value)]
        : 'float' in value
          ? [1, float(2, value.float)]
          : [7, value.flatMap((i) => integer(8, i))];
  return bytes(5, [...text(1, name), ...content, ...integer(20, type)]);
}

function tensorType(element: number, shape: Shape): Bytes {
  const dims = shape.flatMap((n) => bytes(1, integer(1, n)));
  return bytes(1, [...integer(1, element), ...bytes(2, dims)]);
}
function valueInfo(field: number, name: string, element: number, shape: Shape): Bytes {
  return bytes(field, [...text(1, name), ...bytes(2, tensorType(element, shape))]);
}
/** A node and a graph output that is an empty sequence of tensors. */
function emptySequence(name: string): Bytes {
  return [
    ...bytes(1, [...text(2, name), ...text(4, 'SequenceEmpty')]),
    ...bytes(12, [...text(1, name), ...bytes(2, bytes(4, bytes(1, tensorType(ELEMENT.float32, []))))]),
  ];
}

/** A weight: its numbers, or its place in a file of the folder that the session is given. */
function initializer(
  name: string,
  shape: Shape,
  element: number,
  data: ArrayBufferView | FileLocation,
): Bytes {
  const head = [...shape.flatMap((n) => integer(1, n)), ...integer(2, element), ...text(8, name)];
  if (ArrayBuffer.isView(data)) {
    return bytes(5, [...head, ...bytes(9, [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)])]);
  }
  const entry = (key: string, value: string): Bytes => bytes(13, [...text(1, key), ...text(2, value)]);
  const length = Math.ceil(bytesOf(element) * sizeOf(shape));
  return bytes(5, [
    ...head,
    ...entry('location', data.file),
    ...entry('offset', String(data.offset)),
    ...entry('length', String(length)),
    ...integer(14, 1),
  ]);
}

/** Bytes of an element of a weight. */
function bytesOf(element: number): number {
  if (element === ELEMENT.uint4) return 0.5;
  if (element === ELEMENT.uint8) return 1;
  return element === ELEMENT.float16 || element === ELEMENT.bfloat16 ? 2 : 4;
}

/** What a model is made of. */
export interface ModelParts {
  readonly nodes: readonly Node[];
  /** Graph outputs under the names that the caller reads. */
  readonly outputs: readonly { readonly name: string; readonly value: Value }[];
  /** Graph inputs that are weights of the model instead of being fed. */
  readonly initializers: ReadonlyMap<string, ArrayBufferView | FileLocation>;
  /** Whether NO_TENSOR is the first output (run-into.js). */
  readonly noTensor?: boolean;
}

/** A node's unique name in its model; a session's options choose nodes by it. */
export const nodeName = ({ op, outputs }: Node): string => `${op} ${outputs[0]!.id}`;

function encodeNode(node: Node, name: (value: Value) => string): Bytes {
  return [
    ...node.inputs.flatMap((v) => text(1, name(v))),
    ...node.outputs.flatMap((v) => text(2, name(v))),
    ...text(3, nodeName(node)),
    ...text(4, node.op),
    ...Object.entries(node.attributes).flatMap(([key, value]) => attribute(key, value)),
    ...(node.body ? bodyAttribute(encodeBody(node.body, name)) : []),
    ...(node.domain ? text(7, node.domain) : []),
  ];
}

/** The attribute of a Loop or a Scan that holds its subgraph. */
function bodyAttribute(graph: Bytes): Bytes {
  return bytes(5, [...text(1, 'body'), ...bytes(6, graph), ...integer(20, 5)]);
}

/** The subgraph of a node. An Identity copies outputs that it did not compute, or that it returns twice. */
function encodeBody({ inputs, nodes, outputs }: Body, name: (value: Value) => string): Bytes {
  const computed = new Set(nodes.flatMap((node) => node.outputs));
  const returned = outputs.map((value, i) => {
    const copied = !computed.has(value) || outputs.indexOf(value) < i;
    return { value, copied, called: copied ? `${name(inputs[0]!)} given ${i}` : name(value) };
  });
  return [
    ...nodes.flatMap((node) => bytes(1, encodeNode(node, name))),
    ...returned
      .filter(({ copied }) => copied)
      .flatMap(({ value, called }) =>
        bytes(1, [...text(1, name(value)), ...text(2, called), ...text(4, 'Identity')]),
      ),
    ...text(2, 'body'),
    ...inputs.flatMap((value) => valueInfo(11, name(value), ELEMENT[value.dtype], value.shape)),
    ...returned.flatMap(({ value, called }) => valueInfo(12, called, ELEMENT[value.dtype], value.shape)),
  ];
}

/** Encodes a graph as an ONNX model; returns its bytes and the names of the inputs to feed. */
export function encodeModel({ nodes, outputs, initializers, noTensor }: ModelParts): {
  model: Uint8Array;
  feeds: string[];
} {
  const used = new Set([...nodes.flatMap(readBy), ...outputs.map((o) => o.value)]);
  // A value has its output's name. Where it cannot (an input or a constant, or the second output of one
  // value), an Identity copies it.
  const renamed = new Map<Value, string>();
  const copied: ModelParts['outputs'][number][] = [];
  for (const output of outputs) {
    const { value } = output;
    if (value.input !== undefined || value.constant || renamed.has(value)) copied.push(output);
    else renamed.set(value, output.name);
  }
  const name = (v: Value): string => v.input ?? renamed.get(v) ?? `v${v.id}`;
  const body: Uint8Array[] = noTensor ? [...emptySequence(NO_TENSOR)] : [];
  const feeds: string[] = [];
  for (const value of used) {
    if (value.constant) {
      const data = value.dtype === 'int64' ? BigInt64Array.from(value.constant, BigInt) : value.constant;
      body.push(...initializer(name(value), value.shape, ELEMENT[value.dtype], data));
    } else if (value.input !== undefined) {
      const weight = initializers.get(value.input);
      if (weight) body.push(...initializer(value.input, value.shape, ELEMENT[value.dtype], weight));
      else {
        feeds.push(value.input);
        body.push(...valueInfo(11, value.input, ELEMENT[value.dtype], value.shape));
      }
    }
  }
  for (const node of nodes) body.push(...bytes(1, encodeNode(node, name)));
  for (const { name: output, value } of copied) {
    body.push(...bytes(1, [...text(1, name(value)), ...text(2, output), ...text(4, 'Identity')]));
  }
  for (const { name: output, value } of outputs) {
    body.push(...valueInfo(12, output, ELEMENT[value.dtype], value.shape));
  }
  const opset = nodes.some(({ op }) => NEWER.has(op)) ? OPSET.newer : OPSET.usual;
  const model = [
    ...integer(1, 10),
    ...text(2, 'deltabench'),
    ...bytes(7, [...text(2, 'program'), ...body]),
    ...bytes(8, [...text(1, ''), ...integer(2, opset)]),
    ...bytes(8, [...text(1, 'com.microsoft'), ...integer(2, 1)]),
  ];
  return { model: Buffer.concat(model), feeds };
}
