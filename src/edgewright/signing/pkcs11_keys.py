"""Keys in a PKCS#11 token, such as an HSM: `pkcs11:` URIs of RFC 7512. Needs the extra `pkcs11`.

Tokens sign with random nonces: the same data get another signature each time.
"""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING, Any, Final

from edgewright.errors import KeyUnusable
from edgewright.files import read_private
from edgewright.signing.keys import PublicKey, checked_public_key
from edgewright.signing.pkcs11_uri import Pkcs11Uri

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


_DIGESTS: Final = {"ECDSA P-256": hashlib.sha256, "ECDSA P-384": hashlib.sha384}
_ATTRIBUTES: Final = {"token": "label", "serial": "serial", "manufacturer": "manufacturer_id", "model": "model"}


class Pkcs11Signer:
    """A private key that stays in its token. Each signature has a session of its own, and finds a replugged token."""

    deterministic: Final = False

    def __init__(self, uri: Pkcs11Uri, public_key: PublicKey) -> None:
        """Keep the parts.

        Args:
            uri: names the key.
            public_key: the half that verifies.
        """
        self._uri = uri
        self._public_key = public_key
        self._alone = threading.Lock()  # logging in and out is the process's, not the session's

    @property
    def public_key(self) -> PublicKey:
        """The half that verifies."""
        return self._public_key

    def sign(self, data: bytes) -> bytes:
        """The DER signature over `data`.

        Raises:
            KeyUnusable: the token refuses, or is not there any more.
        """
        import pkcs11
        from pkcs11.util.ec import encode_ecdsa_signature

        digest = _DIGESTS[self._public_key.algorithm](data).digest()

        def signature(session: Any) -> bytes:
            key = session.get_key(pkcs11.ObjectClass.PRIVATE_KEY, **_wanted(self._uri))
            return bytes(encode_ecdsa_signature(key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA)))

        with self._alone:
            return _in_session(self._uri, signature)


def open_key(uri: str) -> Pkcs11Signer:
    """The signer of a `pkcs11:` URI. Its public key must be in the token too, under the same label and id.

    Raises:
        KeyUnusable: python-pkcs11 is missing, the URI cannot be used, the token or key is not there, the PIN is wrong,
            or the key is not on P-256 or P-384.
    """
    parsed = Pkcs11Uri.parse(uri)
    try:
        import pkcs11
        from pkcs11.util.ec import encode_ec_public_key
    except ModuleNotFoundError as error:
        raise KeyUnusable("python-pkcs11 is not installed: `pip install 'edgewright[pkcs11]'`.") from error
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    def public_der(session: Any) -> bytes:
        session.get_key(pkcs11.ObjectClass.PRIVATE_KEY, **_wanted(parsed))  # refused now rather than at a signature
        return bytes(encode_ec_public_key(session.get_key(pkcs11.ObjectClass.PUBLIC_KEY, **_wanted(parsed))))

    der = _in_session(parsed, public_der)
    return Pkcs11Signer(parsed, checked_public_key(load_der_public_key(der), f"The token {parsed.token or ''}"))


def _wanted(uri: Pkcs11Uri) -> dict[str, Any]:
    import pkcs11

    named = {"label": uri.label, "id": uri.key_id}
    return {"key_type": pkcs11.KeyType.EC} | {name: value for name, value in named.items() if value is not None}


def _in_session(uri: Pkcs11Uri, work: Callable[[Any], bytes]) -> bytes:
    """The result of work in a session of the user; what the token refuses becomes an error of ours."""
    import pkcs11
    from pkcs11 import exceptions

    pin = _pin(uri.pin_file)
    try:
        with _token(pkcs11.lib(str(uri.module)), uri).open(user_pin=pin) as session:
            return work(session)
    except exceptions.NoSuchKey as error:
        raise KeyUnusable(
            "The token has no such EC key: the private and the public key need the URI's label and id."
        ) from error
    except exceptions.MultipleObjectsReturned as error:
        raise KeyUnusable("The token has several such keys: give object and id in the pkcs11 URI.") from error
    except (exceptions.PinIncorrect, exceptions.PinInvalid, exceptions.PinLenRange, exceptions.PinLocked) as error:
        raise KeyUnusable(f"The token refuses the PIN in {uri.pin_file} ({type(error).__name__}).") from error
    except exceptions.PKCS11Error as error:
        raise KeyUnusable(
            f"The token cannot be used through {uri.module}: {type(error).__name__} {error}".rstrip()
        ) from error
    except RuntimeError as error:  # how python-pkcs11 refuses a library that cannot be loaded
        raise KeyUnusable(f"The PKCS#11 module {uri.module} cannot be loaded: {error}") from error


def _token(library: Any, uri: Pkcs11Uri) -> Any:
    from pkcs11 import TokenFlag

    tokens = [token for token in library.get_tokens() if token.flags & TokenFlag.TOKEN_INITIALIZED]
    found = [token for token in tokens if _is_meant(token, uri)]
    if len(found) != 1:
        labels = sorted(str(token.label) for token in tokens)
        raise KeyUnusable(
            f"{len(found)} tokens are as the pkcs11 URI says, and one is wanted. The module has the tokens {labels}: "
            "give token=LABEL, and serial=NUMBER where that is not enough."
        )
    return found[0]


def _is_meant(token: Any, uri: Pkcs11Uri) -> bool:
    return all(_text(getattr(token, _ATTRIBUTES[name])) == value for name, value in uri.token.items())


def _text(value: str | bytes) -> str:
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else value).rstrip("\0 ")


def _pin(path: Path) -> str:
    try:
        return read_private(path, "The PIN's file").decode().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyUnusable(f"The PIN's file {path} cannot be read: {error}.") from error
