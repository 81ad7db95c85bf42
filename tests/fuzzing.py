"""How the fuzz targets run, and where their corpora are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

CORPUS = Path(__file__).parent / "fuzz" / "corpus"


def fuzz(one_input: Callable[[bytes], None], corpus: str) -> None:
    """Run atheris over one target until it is stopped, or finds a fault."""
    import atheris

    atheris.instrument_all()
    atheris.Setup([*sys.argv, str(CORPUS / corpus)], one_input)
    atheris.Fuzz()
