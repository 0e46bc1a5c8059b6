"""Named crash points (see `server.db.crashpoint`), under the name by which the store's callers know them."""

from server.db.crashpoint import VARIABLE, arm, reach

__all__ = ["VARIABLE", "arm", "reach"]
