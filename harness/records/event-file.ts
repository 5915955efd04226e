/**
 * Event files of TensorBoard: TFRecords (lengths and masked CRC-32C) of `Event` messages (tensorflow's event.proto
 * and summary.proto), of which scalars are all that is written. runs/log writes them beside a sweep.
 */

/** A number at a step of training, such as the loss. */
export interface Scalar {
  readonly tag: string;
  readonly step: number;
  readonly value: number;
}

/** The record that a file begins with. `time` is in milliseconds, as everywhere here. */
export function versionRecord(time: number): Buffer {
  return tfRecord(event(time, 0, lengthDelimited(3, Buffer.from('brain.Event:2'))));
}

/** Makes readers forget what earlier files say of this step and later ones, since a resumed run repeats them. */
export function startRecord(time: number, step: number): Buffer {
  // SessionLog.status = START.
  return tfRecord(event(time, step, lengthDelimited(7, Buffer.from([0x08, 1]))));
}

export function scalarRecord(time: number, { tag, step, value }: Scalar): Buffer {
  const number = Buffer.alloc(5);
  number[0] = (2 << 3) | 5;
  number.writeFloatLE(value, 1);
  const summaryValue = Buffer.concat([lengthDelimited(1, Buffer.from(tag)), number]);
  return tfRecord(event(time, step, lengthDelimited(5, lengthDelimited(1, summaryValue))));
}

/** An `Event`: wall_time in seconds, step, and one field more. */
function event(time: number, step: number, content: Buffer): Buffer {
  const wallTime = Buffer.alloc(9);
  wallTime[0] = (1 << 3) | 1;
  wallTime.writeDoubleLE(time / 1000, 1);
  return Buffer.concat([wallTime, Buffer.from([2 << 3]), varint(step), content]);
}

function lengthDelimited(field: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2]), varint(content.length), content]);
}

/** A whole number from 0 on as protobuf writes it, seven bits a byte. */
function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return Buffer.from([...bytes, rest]);
}

function tfRecord(data: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(data.length));
  return Buffer.concat([length, maskedCrc(length), data, maskedCrc(data)]);
}

/** The checksum of a TFRecord: CRC-32C, rotated and shifted so that checksums of checksums are no problem. */
function maskedCrc(data: Buffer): Buffer {
  const crc = crc32c(data);
  const masked = Buffer.alloc(4);
  masked.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
  return masked;
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32 with Castagnoli's polynomial (RFC 3720, appendix B.4). */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) crc = table[(crc ^ byte) & 255]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
