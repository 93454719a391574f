"""The certificates with which the collector speaks TLS: given ones, or made here.

Those made here come from a private authority of this collector, in the folder `tls` of its storage,
which only its own account can read. Agents know the authority by its fingerprint, so that the
certificate can be renewed, and name new addresses, without a word to them.
"""

import ipaddress
import os
import socket
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from API.app.settings import Settings

Authority = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]

AUTHORITY_LIFE = timedelta(days=20 * 365)
LIFE = timedelta(days=90)
"""Of a certificate; it is renewed when a third of it is left."""

SKEW = timedelta(days=1)
"""How far behind an agent's clock may be for a new certificate to be valid already."""

FOLDER = "tls"
AUTHORITY = "ca.pem"
AUTHORITY_KEY = "ca-clave.pem"
SERVER = "servidor.pem"
"""Certificate and key in one file, so that both change in one step."""


class CertificateError(Exception):
    """A certificate or key cannot be used; the message is one line that says which and why."""


def authority_file(settings: Settings) -> Path:
    """Tell where the certificate of the private authority is, once it is made."""
    return settings.storage / FOLDER / AUTHORITY


def ca_fingerprint(settings: Settings) -> str | None:
    """Give the SHA-256 of the private authority, in hexadecimal; None without `--tls-self-signed`.

    It makes the authority where there is none yet.

    Raises:
        CertificateError: what is in the folder is none.
    """
    if not settings.tls_self_signed:
        return None
    certificate, _ = _authority(settings.storage / FOLDER)
    return certificate.fingerprint(hashes.SHA256()).hex()


def files_in_use(settings: Settings) -> tuple[Path, Path]:
    """Give the files of certificate and key, which may be one and the same."""
    if settings.tls_cert and settings.tls_key:
        return settings.tls_cert, settings.tls_key
    made = settings.storage / FOLDER / SERVER
    return made, made


def prepare(settings: Settings) -> datetime:
    """See that there is a certificate to serve with, and give the moment to look again.

    A certificate of our own is made, or made anew where it ends soon or this host has names and
    addresses that are not in it. A given one is checked.

    Raises:
        CertificateError: it cannot be used.
    """
    if not settings.tls_self_signed:
        return check_pair(*files_in_use(settings))
    folder = settings.storage / FOLDER
    authority = _authority(folder)
    names = frozenset(names_of_this_host()) | frozenset(settings.tls_names)
    due = _renewal(folder / SERVER, authority[0], names)
    if due is None or due <= datetime.now(UTC):
        _write(folder / SERVER, _issue(authority, names))
        due = _renewal(folder / SERVER, authority[0], names)
    return due or datetime.now(UTC) + LIFE


def check_pair(certificate_file: Path, key_file: Path) -> datetime:
    """Check that a certificate is valid now and that the key is its own; give its end.

    Raises:
        CertificateError: it is not.
    """
    certificate = _read_certificate(certificate_file)
    key = _read_key(key_file)
    if certificate.public_key() != key.public_key():
        raise CertificateError(f"{key_file}: no es la clave de {certificate_file}")
    now = datetime.now(UTC)
    if certificate.not_valid_after_utc <= now:
        end = certificate.not_valid_after_utc
        raise CertificateError(f"{certificate_file}: el certificado venció el {end:%Y-%m-%d}")
    if certificate.not_valid_before_utc > now:
        begin = certificate.not_valid_before_utc
        raise CertificateError(f"{certificate_file}: el certificado vale desde el {begin:%Y-%m-%d}")
    return certificate.not_valid_after_utc


def names_of_this_host() -> set[str]:
    """Give the names and addresses under which this host may be asked for."""
    found = {"localhost", socket.gethostname(), socket.getfqdn()}
    for addresses in psutil.net_if_addrs().values():
        for entry in addresses:
            if entry.family in (socket.AF_INET, socket.AF_INET6) and "%" not in entry.address:
                found.add(entry.address)
    return {name for name in found if name and name.isascii()}


def _authority(folder: Path) -> Authority:
    """Give the private authority, made where there is none."""
    if not (folder / AUTHORITY).exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made, its_key = _make_authority()
        _write(folder / AUTHORITY_KEY, _pem(its_key))
        _write(folder / AUTHORITY, _pem(made))
    check_pair(folder / AUTHORITY, folder / AUTHORITY_KEY)
    key = _read_key(folder / AUTHORITY_KEY)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError(f"{folder / AUTHORITY_KEY}: no es la clave que hice")
    return _read_certificate(folder / AUTHORITY), key


def _make_authority() -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"Colector de {socket.gethostname()}")
    builder = (
        _builder(name, name, key.public_key(), key.public_key(), AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    return builder.sign(key, hashes.SHA256()), key


def _issue(authority: Authority, names: Iterable[str]) -> bytes:
    """Make a certificate for `names`, and its key, as PEM."""
    issuer, issuer_key = authority
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name("colector")
    builder = (
        _builder(subject, issuer.subject, key.public_key(), issuer_key.public_key(), LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in sorted(names)]),
            critical=False,
        )
    )
    return _pem(builder.sign(issuer_key, hashes.SHA256())) + _pem(key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    life: timedelta,
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _renewal(file: Path, authority: x509.Certificate, names: frozenset[str]) -> datetime | None:
    """Tell when the certificate in `file` is to be made anew; None where that is now."""
    try:
        certificate = _read_certificate(file)
        end = check_pair(file, file)
        certificate.verify_directly_issued_by(authority)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, a new one is made
        return None
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    known = {str(name.value) for name in extension.value}
    return end - LIFE / 3 if names <= known else None


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(item: x509.Certificate | ec.EllipticCurvePrivateKey) -> bytes:
    if isinstance(item, x509.Certificate):
        return item.public_bytes(serialization.Encoding.PEM)
    return item.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _read_certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())[0]
    except OSError as error:
        raise CertificateError(f"{file}: no se puede leer: {error.strerror}") from None
    except ValueError:
        raise CertificateError(f"{file}: no es un certificado en PEM") from None


def _read_key(file: Path) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise CertificateError(f"{file}: no se puede leer: {error.strerror}") from None
    except TypeError:
        raise CertificateError(f"{file}: la clave está cifrada; quítele la contraseña") from None
    except ValueError:
        raise CertificateError(f"{file}: no es una clave en PEM") from None


def _write(file: Path, content: bytes) -> None:
    """Write `file` as a whole, for this account's eyes alone, and to the disk."""
    unfinished = file.with_suffix(".tmp")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600, exist_ok=False)
    with unfinished.open("wb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    unfinished.replace(file)
