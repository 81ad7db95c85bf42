"""Signing keys, and the signature document in the OpenSSF form."""
