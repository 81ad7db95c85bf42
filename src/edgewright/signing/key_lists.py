"""A signed list of keys in a file, and the highest version that was seen in it: how a device refuses an older one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from edgewright.errors import KeyListRefused, KeyUnusable
from edgewright.files import write_atomically
from edgewright.signing.trusted_keys import LONGEST_LIST, TrustedKeys

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edgewright.signing.keys import PublicKey


def read_newest(path: Path, roots: Sequence[PublicKey], minimum_version: int | None = None) -> TrustedKeys:
    """The signed list in a file, no older than any that was there before.

    The highest version is kept in a file beside it, `<name>.seen`. It is not written where a minimum version is given:
    a caller who gives one keeps account of versions, or has a file system that cannot be written.

    Args:
        path: the list.
        roots: the keys of which one must have signed it.
        minimum_version: the lowest version that is taken; that of the file `.seen` counts too.

    Raises:
        KeyListRefused: the list is not to be trusted; the message says why.
        KeyUnusable: a file cannot be read or written.
    """
    seen = _seen(_beside(path))
    trusted = TrustedKeys.read(
        read_list(path), roots, datetime.now(UTC), minimum_version=max(seen, minimum_version or 0)
    )
    if trusted.key_list.version > seen and minimum_version is None:
        try:
            write_atomically(_beside(path), [b"%d\n" % trusted.key_list.version])
        except OSError as error:
            raise KeyUnusable(
                f"The list's version cannot be kept in {_beside(path)}: {error.strerror}. Give --minimum-version, the "
                "highest version that you know of."
            ) from error
    return trusted


def read_list(path: Path) -> bytes:
    """The bytes of a list; of a file that is too long for one, as many as show it.

    Raises:
        KeyUnusable: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(LONGEST_LIST + 1)
    except OSError as error:
        raise KeyUnusable(f"The list of keys {path} cannot be read: {error.strerror}.") from error


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.seen")


def _seen(path: Path) -> int:
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return 0
    except (OSError, UnicodeDecodeError) as error:
        raise KeyUnusable(f"The version in {path} cannot be read: {error}.") from error
    if not re.fullmatch(r"[0-9]{1,19}\s*", text):
        raise KeyListRefused(
            f"{path} holds no version, so that an older list could not be told from a newer one. Write the highest "
            "version that was seen into it."
        )
    return int(text)
