"""The files of a file sink that rotates, read back as one: by libzstd itself, not by Vigil."""
import ctypes
import ctypes.util

from vigil import check

ZSTD = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t
ZSTD.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong


def unpack(packed):
    size = ZSTD.ZSTD_getFrameContentSize(packed, ctypes.c_size_t(len(packed)))
    text = ctypes.create_string_buffer(size + 1)
    got = ZSTD.ZSTD_decompress(text, ctypes.c_size_t(size), packed, ctypes.c_size_t(len(packed)))
    check(got == size, "a compressed file is damaged")
    return text.raw[:size]


def parts(path):
    """The finished files, the oldest first; of one that is there in both forms, the compressed."""
    found = {}
    for part in sorted(path.parent.glob(path.name + ".0*")):
        number = part.name[len(path.name) + 1:].split(".")[0]
        if not part.name.endswith(".new"):
            found[number] = part
    return list(found.values())


def lines(path):
    text = b"".join(unpack(part.read_bytes()) if part.suffix == ".zst" else part.read_bytes()
                    for part in parts(path))
    if path.exists():
        text += path.read_bytes()
    return text.splitlines()
