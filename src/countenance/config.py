"""Where this house keeps its state and its keys, and the bounds it runs under.

Nothing here is read from inside the data folder: the master key must not lie in it, and a setting that weakens
a promise would have to be a policy change. Source of the defaults: docs/settings.md, one row a field.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from countenance.domain.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping


MOST_WITNESSES = 16
"""Witnesses at most: every verifier of notes takes at least 16 signatures (C2SP signed-note)."""
LEAST_DAYS = 30
"""Days in which the public can speak before a promise is loosened or a law recorded; docs/policy.md."""


@dataclass(frozen=True, slots=True)
class Metering:
    """From where on the meter speaks; docs/activity.md says why each. Shares are percent.

    a_few: targets of one probe an hour that pass as one-to-one; many: that trip the meter. followed: searches for one
    person an hour; followed_days: on which nearly all searches find one person. strangers_hour, strangers_day:
    different people whom nobody knows, where they are at least stranger_share of the searches; camera_strangers and
    camera_share: the same at a steady beat. people_hour, people_day: different people in all. nobody_searches: in 30
    days, on nobody_days at least, of which nobody_share find nobody. failed_day: one-to-one calls that fail, where they
    are at least failed_share. places: collections in which one person is looked for within an hour.
    """

    a_few: int = 3
    many: int = 20
    followed: int = 30
    followed_days: int = 10
    strangers_hour: int = 40
    strangers_day: int = 120
    stranger_share: int = 50
    camera_strangers: int = 15
    camera_share: int = 25
    people_hour: int = 1200
    people_day: int = 10_000
    nobody_searches: int = 20
    nobody_days: int = 10
    nobody_share: int = 90
    failed_day: int = 50
    failed_share: int = 50
    places: int = 5


LOOSEST = 3
"""How many times its default a count of the meter may be set to at most; a share, to 100: beyond is another promise."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of a house.

    data: the one folder of state. keys: the folder of the master key and of keys kept for a lone operator.
    manifest: an operator's own model manifest, or None for the shipped models.
    threads: processor threads for inference, 0 for every core this process may use. notice_days: before a loosened
    promise takes effect; objection_days: before a law is recorded. Neither can be set shorter than 30.
    witnesses: address and vkey of each witness that is asked to cosign checkpoints. quorum: how many make a checkpoint
    witnessed, 0 for more than half. witness_seconds: between two times of asking. domain_checks: whether a domain is
    asked for a code. metering: of the meter.
    """

    data: Path
    keys: Path
    manifest: Path | None = None
    threads: int = 0
    witnesses: tuple[tuple[str, str], ...] = ()
    quorum: int = 0
    witness_seconds: int = 10
    notice_days: int = LEAST_DAYS
    objection_days: int = LEAST_DAYS
    domain_checks: bool = False
    metering: Metering = Metering()

    @property
    def ledger(self) -> Path:
        """The public folder: `checkpoint` and `tile/`, nothing secret, servable as it is."""
        return self.data / "ledger"

    @property
    def documents(self) -> Path:
        """Beside the public folder, and as public: what agencies published, each text under its digest."""
        return self.data / "documents"

    @property
    def log_state(self) -> Path:
        return self.data / "log-state"

    @property
    def log_vkey(self) -> Path:
        return self.data / "log.vkey"

    @property
    def database(self) -> Path:
        return self.data / "countenance.db"

    @property
    def restoring(self) -> Path:
        """There while a backup is being restored, and no house opens then."""
        return self.data / "restoring"

    @property
    def models(self) -> Path:
        """Prepared models: derived from the packages' files, safe to delete."""
        return self.data / "models"

    @property
    def master_key(self) -> Path:
        return self.keys / "master.key"

    @property
    def own_key(self) -> Path:
        """Where `init --for-myself` leaves the key of the lone operator."""
        return self.keys / "me.key"


@dataclass(frozen=True, slots=True)
class Serving:
    """Where the server listens, and what it takes on at once.

    host: an IP address. port: 0 for any that is free. tls_certificate, tls_key: PEM files, both or neither.
    trusted_proxy: the addresses or networks whose word about the caller's address counts; none where empty.
    in_flight: requests at once. connections: open ones at once. body_seconds: for which a caller may send one body.
    grace_seconds: for which answers under way may finish at the end.
    """

    host: str = "127.0.0.1"
    port: int = 8440
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    trusted_proxy: tuple[str, ...] = ()
    in_flight: int = 64
    connections: int = 2048
    body_seconds: int = 30
    grace_seconds: int = 20


def serving_from_environment(env: Mapping[str, str] | None = None) -> Serving:
    """Serving from COUNTENANCE_HOST, _PORT and so on, not yet checked. Raises Misconfigured."""
    env = os.environ if env is None else env
    usual = Serving()
    certificate, key = env.get("COUNTENANCE_TLS_CERTIFICATE"), env.get("COUNTENANCE_TLS_KEY")
    proxies = env.get("COUNTENANCE_TRUSTED_PROXY") or ""
    return Serving(
        host=env.get("COUNTENANCE_HOST") or usual.host,
        port=_number(env, "PORT", usual.port, 0, 65535),
        tls_certificate=Path(certificate) if certificate else None,
        tls_key=Path(key) if key else None,
        trusted_proxy=tuple(word.strip() for word in proxies.split(",")) if proxies else (),
        in_flight=_number(env, "IN_FLIGHT", usual.in_flight, 1, 10_000),
        connections=_number(env, "CONNECTIONS", usual.connections, 1, 100_000),
        body_seconds=_number(env, "BODY_SECONDS", usual.body_seconds, 1, 3600),
        grace_seconds=_number(env, "GRACE_SECONDS", usual.grace_seconds, 1, 3600),
    )


def checked_serving(serving: Serving) -> Serving:
    """The same; raises Misconfigured for what would send faces and keys in the clear, or believe anybody's word."""
    for network in serving.trusted_proxy:
        _check_proxy(network)
    if (serving.tls_certificate is None) != (serving.tls_key is None):
        raise Misconfigured(
            "TLS needs a certificate and its key", next_step="Set COUNTENANCE_TLS_CERTIFICATE and COUNTENANCE_TLS_KEY."
        )
    secured = serving.tls_certificate is not None or serving.trusted_proxy
    if not _address(serving.host).is_loopback and not secured:
        raise Misconfigured(
            "listening beyond this machine without TLS would send faces and keys in the clear",
            next_step="Name TLS files, or with COUNTENANCE_TRUSTED_PROXY the proxy that speaks TLS: docs/operate.md.",
        )
    return serving


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        raise Misconfigured(
            "the host to listen on is not an IP address", next_step="Use 127.0.0.1, ::1 or an address of this machine."
        ) from None


def _check_proxy(text: str) -> None:
    """A network of one party's machines, not half the internet."""
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        network = None
    if network is None or network.num_addresses > 1 << (16 if network.version == 4 else 64):
        raise Misconfigured(
            "COUNTENANCE_TRUSTED_PROXY is not a list of addresses or networks of at most 65,536 addresses",
            next_step="Name the proxy, such as 127.0.0.1 or 10.0.3.0/24; several with commas.",
        )


def from_environment(env: Mapping[str, str] | None = None) -> Settings:
    """Settings from COUNTENANCE_DATA, _KEYS, _MANIFEST, _THREADS, _WITNESSES and what else docs/settings.md lists."""
    env = os.environ if env is None else env
    home = Path(env.get("HOME") or Path.home())
    data = env.get("COUNTENANCE_DATA") or Path(env.get("XDG_DATA_HOME") or home / ".local/share") / "countenance"
    keys = env.get("COUNTENANCE_KEYS") or Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "countenance"
    manifest = env.get("COUNTENANCE_MANIFEST")
    threads = _number(env, "THREADS", 0, 0, 1024)
    witnesses = _witnesses(env.get("COUNTENANCE_WITNESSES") or "")
    quorum = _number(env, "QUORUM", 0, 0, max(1, len(witnesses)))
    seconds = _number(env, "WITNESS_SECONDS", 10, 1, 3600)
    notice, objection = (_number(env, f"{name}_DAYS", LEAST_DAYS, LEAST_DAYS, 366) for name in ("NOTICE", "OBJECTION"))
    model = Path(manifest) if manifest else None
    asks = _domain_checks(env.get("COUNTENANCE_DOMAIN_CHECKS") or "off")
    meter, house = _metering(env), (Path(data), Path(keys), model, threads)
    return checked(Settings(*house, witnesses, quorum, seconds, notice, objection, asks, meter))


def _domain_checks(text: str) -> bool:
    if text not in ("off", "https"):
        raise Misconfigured(
            "COUNTENANCE_DOMAIN_CHECKS is neither off nor https",
            next_step="Leave it out, and no domain is asked; `https` lets the server read one file of one.",
        )
    return text == "https"


def _metering(env: Mapping[str, str]) -> Metering:
    """COUNTENANCE_METER_A_FEW and so on: as strict as anybody likes, looser within bounds. Raises Misconfigured."""
    found = {}
    for name, usual in asdict(Metering()).items():
        share = name.endswith("_share")
        found[name] = _number(env, f"METER_{name.upper()}", usual, 1, 100 if share else LOOSEST * usual)
    return Metering(**found)


def _witnesses(text: str) -> tuple[tuple[str, str], ...]:
    """Pairs of address and vkey, separated by spaces; the vkeys are read by who asks. Raises Misconfigured."""
    words = text.split()
    found = tuple(zip(words[::2], words[1::2], strict=False))
    if len(words) % 2 or len(found) > MOST_WITNESSES or len({vkey for _, vkey in found}) < len(found):
        raise Misconfigured(
            f"COUNTENANCE_WITNESSES is not pairs of an address and a vkey, at most {MOST_WITNESSES}, each vkey once",
            next_step="Write `https://witness.example/ witness.example/w1+1a2b3c4d+AbCd`, one pair after the other.",
        )
    for address, _ in found:
        _check_witness(address)
    return found


def _check_witness(address: str) -> None:
    """TLS, or this machine. Raises Misconfigured."""
    url = urlsplit(address)
    try:
        near = url.hostname == "localhost" or ipaddress.ip_address(url.hostname or "").is_loopback
    except ValueError:
        near = False
    whole = url.hostname and not (url.username or url.password or url.query or url.fragment)
    if not whole or url.scheme not in ("http", "https") or (url.scheme == "http" and not near):
        raise Misconfigured(
            "a witness's address is an https:// one, without user, query or fragment",
            next_step="http:// is for a witness on this machine alone, such as http://127.0.0.1:8441.",
        )


def witness_from_environment(env: Mapping[str, str] | None = None) -> Settings:
    """The two folders of a witness of one's own, from COUNTENANCE_WITNESS_DATA and _KEYS; never those of a house."""
    env = os.environ if env is None else env
    home = Path(env.get("HOME") or Path.home())
    data = Path(env.get("XDG_DATA_HOME") or home / ".local/share") / "countenance-witness"
    keys = Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "countenance-witness"
    return checked(
        Settings(Path(env.get("COUNTENANCE_WITNESS_DATA") or data), Path(env.get("COUNTENANCE_WITNESS_KEYS") or keys))
    )


def checked(settings: Settings) -> Settings:
    """The settings with absolute paths; refuses a key folder inside the data folder."""
    data, keys = settings.data.absolute(), settings.keys.absolute()
    if keys.resolve().is_relative_to(data.resolve()):
        raise Misconfigured(
            "the master key must not lie in the data folder",
            next_step="Name a folder outside it with --keys or COUNTENANCE_KEYS.",
        )
    return replace(settings, data=data, keys=keys)


def _number(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """The whole number COUNTENANCE_<name>, in plain digits."""
    text = env.get(f"COUNTENANCE_{name}") or str(default)
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and least <= int(text) <= most):
        raise Misconfigured(
            f"COUNTENANCE_{name} is not a whole number from {least} to {most}",
            next_step=f"Leave it out for {default}, or set it to a number in that range: docs/settings.md.",
        )
    return int(text)
