"""URIs of PKCS#11 keys, as RFC 7512 has them. Pure.

`pkcs11:token=edge;object=signing?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/etc/edgewright/pin`
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from edgewright.errors import KeyUnusable

SCHEME: Final = "pkcs11:"
_TOKEN: Final = ("token", "serial", "manufacturer", "model")
_PATH: Final = {*_TOKEN, "object", "id", "type"}
_QUERY: Final = {"module-path", "pin-source"}


@dataclass(frozen=True, slots=True)
class Pkcs11Uri:
    """What a URI names.

    Attributes:
        token: attributes that the token must have: `token` (its label), `serial`, `manufacturer`, `model`.
        label: the key's label, from `object`; None where any will do.
        key_id: the key's id; None where any will do.
        module: the shared library that speaks to the token.
        pin_file: the file that holds the user's PIN.
    """

    token: dict[str, str]
    label: str | None
    key_id: bytes | None
    module: Path
    pin_file: Path

    @classmethod
    def parse(cls, uri: str) -> Pkcs11Uri:
        """The URI's parts.

        Raises:
            KeyUnusable: it is not a URI of RFC 7512, holds a PIN, or has an attribute that is not understood. What it
                holds is not repeated, because it may be a secret.
        """
        path, _, query = uri.removeprefix(SCHEME).partition("?")
        named = _attributes(path, ";", _PATH)
        asked = _attributes(query, "&", _QUERY)
        if named.get("type", "private") != "private":
            raise KeyUnusable("The pkcs11 URI names another type than private, and a private key signs.")
        if not {"object", "id"} & named.keys():
            raise KeyUnusable("The pkcs11 URI names no key: give object=LABEL or id=%01, or both.")
        for name in sorted(_QUERY - asked.keys()):
            raise KeyUnusable(
                f"The pkcs11 URI has no {name}. Write pkcs11:token=T;object=K?module-path=/LIB.so&pin-source=file:/PIN."
            )
        return cls(
            token={name: unquote(named[name]) for name in _TOKEN if name in named},
            label=unquote(named["object"]) if "object" in named else None,
            key_id=unquote_to_bytes(named["id"]) if "id" in named else None,
            module=_absolute(unquote(asked["module-path"]), "module-path"),
            pin_file=_absolute(_file(unquote(asked["pin-source"])), "pin-source"),
        )


def _attributes(text: str, separator: str, known: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, text.split(separator)):
        name, _, value = part.partition("=")
        if name == "pin-value":
            raise KeyUnusable(
                "The pkcs11 URI holds a PIN. Put it into a file (mode 0600), and give pin-source=file:/FILE."
            )
        if name not in known:
            raise KeyUnusable(f"The pkcs11 URI has the attribute {name[:50]!r}; those that are known: {sorted(known)}.")
        if name in found or not value:
            raise KeyUnusable(f"The pkcs11 URI has {name} twice, or without a value.")
        found[name] = value
    return found


def _file(source: str) -> str:
    if source.startswith("|"):
        raise KeyUnusable("The pkcs11 URI's pin-source is a program, which is not run: name a file.")
    return source.removeprefix("file://").removeprefix("file:")


def _absolute(path: str, what: str) -> Path:
    if not path.startswith("/"):
        raise KeyUnusable(f"The pkcs11 URI's {what} is not an absolute path.")
    return Path(path)
