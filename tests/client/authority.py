"""An authority of a test's own, and a certificate that it signs; both live for an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path


def make_certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """The PEM files of the authority's certificate, and of the server's key with its certificate for this host."""
    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _builder("an authority", "an authority", authority.public_key())
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    signed = root.add_extension(usage, critical=True).sign(authority, hashes.SHA256())
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    leaf = _builder(host, "an authority", key.public_key()).add_extension(names, critical=False)
    of_server = leaf.sign(authority, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    ca, chain = folder / "ca.pem", folder / "server.pem"
    ca.write_bytes(signed.public_bytes(pem))
    chain.write_bytes(private + of_server.public_bytes(pem))
    return ca, chain


def _builder(subject: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().public_key(key).serial_number(x509.random_serial_number())
    made = made.subject_name(_name(subject)).issuer_name(_name(issuer))
    return made.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
