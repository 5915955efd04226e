// Makes files in torch.save's format, byte by byte; used by the tests of readers.
import { crc32 } from 'node:zlib';

/** Makes a zip archive of uncompressed files in torch.save's layout, without its alignment. */
export function zipOf(files: Readonly<Record<string, Buffer>>): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(files)) {
    const path = Buffer.from(name);
    const sizes = Buffer.alloc(12);
    sizes.writeUInt32LE(crc32(content), 0);
    sizes.writeUInt32LE(content.length, 4);
    sizes.writeUInt32LE(content.length, 8);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    sizes.copy(local, 14);
    local.writeUInt16LE(path.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    sizes.copy(entry, 16);
    entry.writeUInt16LE(path.length, 28);
    entry.writeUInt32LE(at, 42);
    locals.push(local, path, content);
    directory.push(entry, path);
    at += 30 + path.length + content.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(directory.length / 2, 8);
  end.writeUInt16LE(directory.length / 2, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, ...directory, end]);
}

/** Encodes opcodes of pickle protocol 2. */
export const pickle = {
  start: Buffer.from([0x80, 2]),
  stop: Buffer.from('.'),
  raw: (text: string): Buffer => Buffer.from(text, 'latin1'),
  text(value: string): Buffer {
    const bytes = Buffer.from(value);
    const head = Buffer.alloc(5, 'X');
    head.writeUInt32LE(bytes.length, 1);
    return Buffer.concat([head, bytes]);
  },
  int(value: number): Buffer {
    const bytes = Buffer.alloc(5, 'J');
    bytes.writeInt32LE(value, 1);
    return bytes;
  },
  global: (module: string, name: string): Buffer => Buffer.from(`c${module}\n${name}\n`),
  tuple: (...items: Buffer[]): Buffer => Buffer.concat([Buffer.from('('), ...items, Buffer.from('t')]),
};

export interface Piece {
  readonly shape: readonly number[];
  readonly data: readonly number[];
  readonly strides?: readonly number[];
  readonly offset?: number;
  readonly type?: string;
  /** Number of values that the pickle claims, where it differs from the data's. */
  readonly count?: number;
}

/** Encodes a tensor whose values lie in the archive under `key`. */
export function pickledTensor(
  key: string,
  { shape, data, strides = contiguous(shape), offset = 0, type = 'FloatStorage', count = data.length }: Piece,
): Buffer {
  const { text, int, tuple, global, raw } = pickle;
  const storage = tuple(text('storage'), global('torch', type), text(key), text('cpu'), int(count));
  const args = tuple(
    Buffer.concat([storage, raw('Q')]),
    int(offset),
    tuple(...shape.map(int)),
    tuple(...strides.map(int)),
    raw('\x89'),
    Buffer.concat([global('collections', 'OrderedDict'), raw(')R')]),
  );
  return Buffer.concat([global('torch._utils', '_rebuild_tensor_v2'), args, raw('R')]);
}

/** Makes a file as torch.save writes one of float32 tensors. */
export function torchFile(pieces: Readonly<Record<string, Piece>>): Buffer {
  const { start, stop, raw, text } = pickle;
  const items = Object.entries(pieces).flatMap(([name, piece], i) => [
    text(name),
    pickledTensor(String(i), piece),
  ]);
  const files: Record<string, Buffer> = {
    'archive/data.pkl': Buffer.concat([start, raw('}('), ...items, raw('u'), stop]),
    'archive/byteorder': Buffer.from('little'),
  };
  Object.values(pieces).forEach(({ data }, i) => {
    files[`archive/data/${i}`] = Buffer.from(new Uint8Array(Float32Array.from(data).buffer));
  });
  return zipOf(files);
}

function contiguous(shape: readonly number[]): number[] {
  return shape.map((_, axis) => shape.slice(axis + 1).reduce((product, n) => product * n, 1));
}
