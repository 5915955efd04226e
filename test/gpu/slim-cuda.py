"""Blanks the GPU code of other architectures in a CUDA library, so that it packs small: slim-cuda.py IN OUT ARCH. make-kit.sh runs it."""
import struct, sys, collections
src, dst, keep = sys.argv[1], sys.argv[2], int(sys.argv[3])
data = bytearray(open(src, 'rb').read())
MAGIC = struct.pack('<I', 0xBA55ED50)
kept = collections.Counter(); blank = collections.Counter()
at = data.find(MAGIC)
while at >= 0:
    header, size = struct.unpack_from('<HQ', data, at + 6)
    end = at + header + size
    p = at + header
    if header != 16 or end > len(data):
        at = data.find(MAGIC, at + 4); continue
    while p < end:
        kind, version, hsize, psize = struct.unpack_from('<HHIQ', data, p)
        if kind not in (1, 2) or hsize < 32: break
        arch = struct.unpack_from('<I', data, p + 28)[0]
        if kind == 2 and arch == keep: kept[arch] += psize
        else:
            data[p + hsize : p + hsize + psize] = bytes(psize); blank[(kind, arch)] += psize
        p += hsize + psize
    at = data.find(MAGIC, end)
open(dst, 'wb').write(data)
print('kept', dict(kept), 'blanked', dict(blank))
