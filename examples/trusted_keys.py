"""Read a signed list of keys with nothing but Python's standard library and `cryptography`.

    python trusted_keys.py LIST ROOT_KEY FOLDER

LIST is what a service has at /keys/list, ROOT_KEY the public half of the root key that signs it, in PEM. Afterwards
FOLDER has the keys that packages may be signed with, for `verify_package.py PACKAGE FOLDER`, and no other; and the
list's version: an older list is refused from then on. Written from section 8 of docs/format.md alone, to be ported.
"""

# ruff: noqa: T201 - a script, and it prints

import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from verify_package import Refused, load_keys, read_json, require, unseal

PAYLOAD_TYPE = "application/vnd.edgewright.keys.v1+json"
LONGEST = 1_048_576
MEMBERS = {"id", "state", "created", "retired", "revoked", "reason", "public_key"}


def read_list(text: bytes, roots: dict[str, Any], seen: int, now: datetime) -> tuple[int, dict[str, str]]:
    """The list's version, and of each key that is not revoked its id and PEM."""
    require(len(text) <= LONGEST, f"the list has over {LONGEST} bytes")
    envelope = read_json(text)
    require(envelope.keys() == {"payload", "payloadType", "signatures"}, "the list is not signed")
    root = envelope["signatures"][0]["keyid"]
    require(root in roots, f"no trusted root key is {root!r}")
    listed = read_json(unseal(envelope, PAYLOAD_TYPE, roots[root]))
    require(listed.keys() == {"version", "expires", "keys"}, "unknown list")
    version = listed["version"]
    require(type(version) is int and version >= max(1, seen), f"the list has version {version}, and {seen} was seen")
    expires = datetime.strptime(listed["expires"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    require(expires > now, f"the list expired at {expires}")
    for key in listed["keys"]:
        require(key.keys() == MEMBERS and key["state"] in ("active", "retired", "revoked"), "unknown key")
        require(hashlib.sha256(key["public_key"].encode()).hexdigest() == key["id"], "a key has another id")
        serialization.load_pem_public_key(key["public_key"].encode())
    require(len({key["id"] for key in listed["keys"]}) == len(listed["keys"]), "a key is there twice")
    return version, {key["id"]: key["public_key"] for key in listed["keys"] if key["state"] != "revoked"}


def keep(folder: Path, version: int, keys: dict[str, str]) -> None:
    """Write the version first, and take keys away before others are added: broken off, it trusts too little."""
    (folder / "version").write_text(f"{version}\n")
    for path in folder.glob("*.pem"):
        path.unlink()
    for key_id, pem in keys.items():
        (folder / f"{key_id}.pem").write_text(pem)


def main(path: str, root: str, destination: str) -> None:
    """Say which keys are trusted now, or why the list is not."""
    folder = Path(destination)
    folder.mkdir(exist_ok=True)
    try:
        seen = int((folder / "version").read_text()) if (folder / "version").exists() else 0
        with Path(path).open("rb") as file:
            text = file.read(LONGEST + 1)
        version, keys = read_list(text, load_keys(Path(root)), seen, datetime.now(UTC))
    except (Refused, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        sys.exit(f"REFUSED: {error}")
    keep(folder, version, keys)
    print(f"version {version}: {len(keys)} keys are trusted")


if __name__ == "__main__":
    main(*sys.argv[1:])
