"""Lists what libudfread finds in an image: a line for each entry, with the bytes of files."""

import ctypes
import sys

lib = ctypes.CDLL("libudfread.so.0")
for name in ("udfread_init", "udfread_opendir", "udfread_readdir", "udfread_file_open"):
    getattr(lib, name).restype = ctypes.c_void_p
lib.udfread_file_size.restype = ctypes.c_int64
lib.udfread_file_read.restype = ctypes.c_ssize_t

FOLDER = 1


class Entry(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint), ("name", ctypes.c_char_p)]


def there(value, what):
    if not value:
        sys.exit(f"libudfread does not find {what}")
    return ctypes.c_void_p(value)


def text(path):
    # It gives each half of a surrogate pair by itself.
    halves = path.decode("utf-8", "surrogatepass")
    return halves.encode("utf-16", "surrogatepass").decode("utf-16").lstrip("/")


def walk(path):
    folder = there(lib.udfread_opendir(image, path or b"/"), path)
    entry, found = Entry(), []
    while lib.udfread_readdir(folder, ctypes.byref(entry)):
        if entry.name not in (b".", b".."):
            found.append((path + b"/" + entry.name, entry.kind))
    for below, kind in found:
        if kind == FOLDER:
            print(text(below), "folder", sep="\t")
            walk(below)
            continue
        file = there(lib.udfread_file_open(image, below), below)
        length = lib.udfread_file_size(file)
        content = ctypes.create_string_buffer(length + 1)
        if lib.udfread_file_read(file, content, ctypes.c_size_t(length)) != length:
            sys.exit(f"libudfread does not read {below}")
        print(text(below), content.raw[:length].hex(), sep="\t")


image = there(lib.udfread_init(), "memory")
if lib.udfread_open(image, sys.argv[1].encode()) < 0:
    sys.exit("libudfread does not open the image")
walk(b"")
