/**
 * Reads the pickle inside a PyTorch file for torch-zip.ts. It must never call anything that the pickle names.
 */
import { UsageError } from '../../support/errors.ts';

/**
 * A tensor as the pickle describes it: a strided view of a storage whose values are in another file of the
 * archive. Offset and strides count elements.
 */
export interface PickledTensor {
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** A storage of `count` numbers, which several tensors may share. */
export interface Storage {
  readonly key: string;
  /** The storage's type, such as FloatStorage. */
  readonly type: string;
  readonly count: number;
}

/** A value on the machine's stack; `is` tells its kind, so that no value is taken for another kind. */
type Value =
  | { readonly is: 'text'; readonly text: string }
  | { readonly is: 'number'; readonly number: number }
  | { readonly is: 'flag' | 'mark' }
  | { readonly is: 'tuple'; readonly items: readonly Value[] }
  | { readonly is: 'dictionary'; readonly entries: Map<string, Value> }
  | { readonly is: 'type'; readonly name: string }
  | { readonly is: 'storage'; readonly storage: Storage }
  | { readonly is: 'tensor'; readonly tensor: PickledTensor };
type Kind<K extends Value['is']> = Extract<Value, { is: K }>;

/** The only functions that a pickled dict of tensors needs to name; none of them is ever called. */
const builders = [
  'torch._utils._rebuild_tensor_v2',
  'torch._utils._rebuild_parameter',
  'collections.OrderedDict',
];
const storageType = /^torch\.([A-Z][A-Za-z0-9]*Storage)$/;

const flag: Value = { is: 'flag' };
const mark: Value = { is: 'mark' };

/**
 * Reads the tensors of a pickled state dict by name. This is no unpickler: it follows only the opcodes that
 * torch.save writes for such a dict and only the functions in `builders`. Throws UsageError with the reason
 * for anything else, RangeError where the bytes end too early.
 */
export function readPickle(bytes: Buffer): Map<string, PickledTensor> {
  const root = new Machine(bytes).run();
  if (root.is !== 'dictionary') throw new UsageError(`it holds a ${root.is}, no dict of tensors`);
  const tensors = new Map<string, PickledTensor>();
  for (const [name, value] of root.entries) {
    if (value.is !== 'tensor') throw new UsageError(`"${name}" in it is a ${value.is}, no tensor`);
    tensors.set(name, value.tensor);
  }
  return tensors;
}

/** The pickle's stack machine: bytes, stack and memo. */
class Machine {
  private readonly bytes: Buffer;
  private at = 0;
  private readonly stack: Value[] = [];
  private readonly memo = new Map<number, Value>();

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  run(): Value {
    for (;;) {
      const opcode = this.byte();
      if (opcode === 0x2e) return this.pop();
      const step = steps[opcode];
      if (!step) {
        const shown = opcode.toString(16).padStart(2, '0');
        throw new UsageError(`its pickle has the opcode 0x${shown}, which a dict of tensors does not need`);
      }
      step(this);
    }
  }

  byte(): number {
    return this.bytes.readUInt8(this.at++);
  }

  int16(): number {
    this.at += 2;
    return this.bytes.readUInt16LE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.bytes.readInt32LE(this.at - 4);
  }

  /** Reads a signed whole number of `size` bytes. */
  long(size: number): number {
    if (size > 6) throw new UsageError('its pickle has a number that is too large');
    this.at += size;
    return size === 0 ? 0 : this.bytes.readIntLE(this.at - size, size);
  }

  text(size: number): string {
    if (size < 0 || this.at + size > this.bytes.length) throw new RangeError('a text beyond the end');
    this.at += size;
    return this.bytes.toString('utf8', this.at - size, this.at);
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.at);
    if (end < 0) throw new RangeError('a line without an end');
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end + 1;
    return text;
  }

  push(value: Value): void {
    this.stack.push(value);
  }

  pop(): Value {
    const value = this.stack.pop();
    if (!value || value.is === 'mark') throw malformed();
    return value;
  }

  /** Pops the top value; throws UsageError where it is of another kind. */
  take<K extends Value['is']>(kind: K): Kind<K> {
    const value = this.pop();
    if (value.is !== kind) throw malformed();
    return value as Kind<K>;
  }

  popToMark(): Value[] {
    const from = this.stack.lastIndexOf(mark);
    if (from < 0) throw malformed();
    return this.stack.splice(from).slice(1);
  }

  store(index: number): void {
    const top = this.stack.at(-1);
    if (!top || top.is === 'mark') throw malformed();
    this.memo.set(index, top);
  }

  load(index: number): void {
    const value = this.memo.get(index);
    if (!value) throw malformed();
    this.push(value);
  }

  /** Adds pairs of key and value to the dictionary on top of the stack. */
  fill(pairs: readonly Value[]): void {
    const dictionary = this.stack.at(-1);
    if (dictionary?.is !== 'dictionary' || pairs.length % 2 !== 0) throw malformed();
    for (let i = 0; i < pairs.length; i += 2) {
      const key = pairs[i]!;
      if (key.is !== 'text') throw new UsageError(`its dict has a ${key.is} for a key`);
      dictionary.entries.set(key.text, pairs[i + 1]!);
    }
  }
}

const number = (value: number): Value => ({ is: 'number', number: value });
const tuple = (items: readonly Value[]): Value => ({ is: 'tuple', items });
const last = (m: Machine, count: number): void => {
  const items = Array.from({ length: count }, () => m.pop()).reverse();
  m.push(tuple(items));
};

/** The effect of each opcode (names as in Python's pickletools) on the machine. */
const steps: Readonly<Record<number, (m: Machine) => void>> = {
  // PROTO
  0x80: (m) => {
    const version = m.byte();
    if (version !== 2) throw new UsageError(`its pickle is of protocol ${version}; torch.save writes 2`);
  },
  // MARK
  0x28: (m) => {
    m.push(mark);
  },
  // EMPTY_DICT, EMPTY_TUPLE
  0x7d: (m) => {
    m.push({ is: 'dictionary', entries: new Map() });
  },
  0x29: (m) => {
    m.push(tuple([]));
  },
  // TUPLE, TUPLE1, TUPLE2, TUPLE3
  0x74: (m) => {
    m.push(tuple(m.popToMark()));
  },
  0x85: (m) => {
    last(m, 1);
  },
  0x86: (m) => {
    last(m, 2);
  },
  0x87: (m) => {
    last(m, 3);
  },
  // NONE, NEWTRUE, NEWFALSE
  0x4e: (m) => {
    m.push(flag);
  },
  0x88: (m) => {
    m.push(flag);
  },
  0x89: (m) => {
    m.push(flag);
  },
  // BININT, BININT1, BININT2, LONG1
  0x4a: (m) => {
    m.push(number(m.int32()));
  },
  0x4b: (m) => {
    m.push(number(m.byte()));
  },
  0x4d: (m) => {
    m.push(number(m.int16()));
  },
  0x8a: (m) => {
    m.push(number(m.long(m.byte())));
  },
  // BINUNICODE
  0x58: (m) => {
    m.push({ is: 'text', text: m.text(m.int32()) });
  },
  // BINPUT, LONG_BINPUT, BINGET, LONG_BINGET
  0x71: (m) => {
    m.store(m.byte());
  },
  0x72: (m) => {
    m.store(m.int32());
  },
  0x68: (m) => {
    m.load(m.byte());
  },
  0x6a: (m) => {
    m.load(m.int32());
  },
  // SETITEM, SETITEMS
  0x73: (m) => {
    const value = m.pop();
    m.fill([m.pop(), value]);
  },
  0x75: (m) => {
    m.fill(m.popToMark());
  },
  // GLOBAL
  0x63: (m) => {
    const name = `${m.line()}.${m.line()}`;
    if (!builders.includes(name) && !storageType.test(name)) {
      throw new UsageError(
        `its pickle names ${JSON.stringify(name.slice(0, 80))}, which is never run; only tensors are read`,
      );
    }
    m.push({ is: 'type', name });
  },
  // BINPERSID: ('storage', type, key, device, count)
  0x51: (m) => {
    const [what, type, key, , count] = m.take('tuple').items;
    const name = type?.is === 'type' ? storageType.exec(type.name)?.[1] : undefined;
    if (what?.is !== 'text' || what.text !== 'storage' || !name || key?.is !== 'text') throw malformed();
    m.push({ is: 'storage', storage: { key: key.text, type: name, count: countOf(count) } });
  },
  // REDUCE: applies a builder to its arguments.
  0x52: (m) => {
    const { items } = m.take('tuple');
    m.push(build(m.take('type').name, items));
  },
  // BUILD: drops what a state dict has besides its tensors (_metadata).
  0x62: (m) => {
    m.take('dictionary');
    m.push(m.take('dictionary'));
  },
};

function build(name: string, items: readonly Value[]): Value {
  if (name === 'collections.OrderedDict' && items.length === 0)
    return { is: 'dictionary', entries: new Map() };
  const [first, offset, shape, strides] = items;
  // _rebuild_parameter(data, requires_grad, hooks)
  if (name === 'torch._utils._rebuild_parameter' && first?.is === 'tensor') return first;
  // _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)
  if (name !== 'torch._utils._rebuild_tensor_v2' || first?.is !== 'storage') throw malformed();
  if (shape?.is !== 'tuple' || strides?.is !== 'tuple' || shape.items.length !== strides.items.length)
    throw malformed();
  const tensor: PickledTensor = {
    storage: first.storage,
    offset: countOf(offset),
    shape: shape.items.map(countOf),
    strides: strides.items.map(countOf),
  };
  return { is: 'tensor', tensor };
}

function countOf(value: Value | undefined): number {
  if (value?.is !== 'number' || value.number < 0) throw malformed();
  return value.number;
}

function malformed(): UsageError {
  return new UsageError('its pickle makes no sense; it was damaged, or made to mislead');
}
