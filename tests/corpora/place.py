"""Where the corpora are: POSTHOUSE_CORPORA, or ../shared/data beside the checkout."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def corpus(name: str) -> Path:
    """The folder of one corpus; says how to get it when it is not there."""
    folder = Path(os.environ.get("POSTHOUSE_CORPORA", ROOT.parent / "shared" / "data")) / name
    if not folder.is_dir():
        raise FileNotFoundError(f"No corpus at {folder}: set POSTHOUSE_CORPORA")
    return folder
