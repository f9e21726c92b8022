"""Whether a file holds a public key to which credentials can be encrypted.

Checked when parameters are loaded, so that a wrong key shows before an account is made for which
there is then no way to hand over the password.
"""

from pathlib import Path

MIN_BITS = 2048
_MAX_BYTES = 64 * 1024


def find_fault(path: Path) -> str | None:
    """Return what is wrong with a PEM file of a public key or certificate; None if nothing is."""
    if not path.is_file():
        return "there is no such file; relative paths start at the folder of `parameters`"
    try:
        with path.open("rb") as stream:
            pem = stream.read(_MAX_BYTES)
    except OSError as error:
        return f"the file cannot be read ({error.strerror})"
    if b"PRIVATE KEY" in pem:
        return "the file holds a private key; it belongs to the recipient alone, take it away"
    return _fault_in(pem)


def _fault_in(pem: bytes) -> str | None:
    # Late: most clients do without.
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key: object
    try:
        if b"BEGIN CERTIFICATE" in pem:
            key = x509.load_pem_x509_certificate(pem).public_key()
        else:
            key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        return "the file is no public key or X.509 certificate in PEM"
    if not isinstance(key, RSAPublicKey):
        return "the file's key is not RSA, and nothing can be encrypted to it"
    if key.key_size < MIN_BITS:
        return f"the file's key has {key.key_size} bits; it needs {MIN_BITS} at least"
    return None
