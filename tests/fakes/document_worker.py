"""Stands for the process that reads documents, and does what the document says: hang, die, flood."""

import os
import sys
import time

from server.document.frame import FINISHED, REQUEST, TEXT, answer

if __name__ == "__main__":
    into, out = sys.stdin.fileno(), sys.stdout.fileno()
    while head := os.read(into, REQUEST.size):
        _, length = REQUEST.unpack(head)
        way = os.read(into, length)
        os.write(out, answer(TEXT, b"so far"))
        if way == b"hang":
            time.sleep(600)
        if way == b"die":
            os.abort()
        if way == b"flood":
            os.write(out, TEXT + b"\xff\xff\xff\xff")
            time.sleep(600)
        os.write(out, answer(FINISHED))
