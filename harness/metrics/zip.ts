import { inflateRawSync } from 'node:zlib';

/** One file of a zip archive below 4 GiB, unpacked; throws an Error where the archive does not hold it. */
export function zipMember(archive: Buffer, name: string): Buffer {
  const end = archive.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  const count = end < 0 ? 0 : archive.readUInt16LE(end + 10);
  let at = end < 0 ? 0 : archive.readUInt32LE(end + 16);
  for (let i = 0; i < count; i++) {
    const [nameLength, extra, comment] = [28, 30, 32].map((field) => archive.readUInt16LE(at + field)) as [
      number,
      number,
      number,
    ];
    if (archive.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const method = archive.readUInt16LE(at + 10);
      const size = archive.readUInt32LE(at + 20);
      const local = archive.readUInt32LE(at + 42);
      const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const packed = archive.subarray(start, start + size);
      return method === 0 ? packed : inflateRawSync(packed);
    }
    at += 46 + nameLength + extra + comment;
  }
  throw new Error(`the archive holds no ${name}`);
}
