#!/usr/bin/env python3
"""The raw rate of bcrypt in libxcrypt: `libxcrypt.py COST SECONDS` prints the hashes one thread made, and
how many a second."""

import ctypes
import sys
import time


def main() -> None:
    cost, seconds = int(sys.argv[1]), float(sys.argv[2])
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    password = b"0123456789abcdef" * 4
    setting = b"$2b$%02d$......................" % cost
    if len(library.crypt(password, b"$2b$04$......................") or b"") != 60:
        raise SystemExit("this libcrypt has no bcrypt")
    begin, hashes = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        library.crypt(password, setting)
        hashes += 1
    print(hashes, hashes / (time.perf_counter() - begin))


if __name__ == "__main__":
    main()
