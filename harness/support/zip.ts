/**
 * Reads zip archives in memory, such as PyTorch's files. The archive is not trusted: every length and offset
 * is checked before it is used.
 */
import { crc32, inflateRawSync } from 'node:zlib';
import { UsageError } from './errors.ts';

/** A file in an archive, its content not yet unpacked. */
export interface ZipEntry {
  readonly name: string;
  /** 0: not compressed; 8: compressed by deflate. */
  readonly method: number;
  readonly crc: number;
  /** Bytes of the unpacked content, as the archive's directory says. */
  readonly size: number;
  readonly stored: Buffer;
}

/** Gives the files of an archive below 4 GiB by name. Throws UsageError whose message is the reason alone. */
export function readZip(bytes: Buffer): Map<string, ZipEntry> {
  // A comment of at most 65,535 bytes may follow the archive's end record.
  const end = bytes.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  if (end < Math.max(0, bytes.length - 22 - 65_535) || end + 22 > bytes.length) {
    throw new UsageError('its directory is missing; it was cut short');
  }
  const count = bytes.readUInt16LE(end + 10);
  const start = bytes.readUInt32LE(end + 16);
  if (count === 0xffff || start === 0xffffffff) throw new UsageError('it is larger than 4 GiB');
  const entries = new Map<string, ZipEntry>();
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || bytes.readUInt32LE(at) !== 0x02014b50) {
      throw new UsageError('its directory is broken');
    }
    const short = (field: number): number => bytes.readUInt16LE(at + field);
    const long = (field: number): number => bytes.readUInt32LE(at + field);
    const name = bytes.toString('utf8', at + 46, at + 46 + short(28));
    const [method, crc, length, size, local] = [short(10), long(16), long(20), long(24), long(42)];
    if (local + 30 > start || bytes.readUInt32LE(local) !== 0x04034b50) {
      throw new UsageError(`"${name}" is not where the directory says`);
    }
    const begin = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    if (begin + length > start) {
      throw new UsageError(`"${name}" reaches beyond the files; it was cut short`);
    }
    if (entries.has(name)) throw new UsageError(`"${name}" stands in it twice`);
    entries.set(name, { name, method, crc, size, stored: bytes.subarray(begin, begin + length) });
    at += 46 + short(28) + short(30) + short(32);
  }
  return entries;
}

/**
 * Gives the content of a file in an archive, checked by its checksum. Throws UsageError, whose message is the
 * reason alone, also for more than `most` bytes.
 */
export function unzip({ name, method, crc, size, stored }: ZipEntry, most: number): Buffer {
  if (size > most) throw new UsageError(`"${name}" has ${size} bytes, more than ${most}`);
  const content = method === 0 ? stored : inflate(name, method, size, stored);
  if (content.length !== size || crc32(content) !== crc) {
    throw new UsageError(`"${name}" is damaged: its checksum differs`);
  }
  return content;
}

function inflate(name: string, method: number, size: number, stored: Buffer): Buffer {
  if (method !== 8) throw new UsageError(`"${name}" is packed in a way that is not read (method ${method})`);
  try {
    return inflateRawSync(stored, { maxOutputLength: Math.max(1, size) });
  } catch (error) {
    throw new UsageError(`"${name}" is damaged: it cannot be unpacked`, { cause: error });
  }
}
