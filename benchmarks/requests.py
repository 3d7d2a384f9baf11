"""Whole requests over loopback against the engine alone, the disk alone, and a bound on waiting.

A house is made in a temporary folder and served as `countenance serve` does, in a process of its own; the load comes
from this process over plain sockets (benchmarks/load.py), so its own work is in every figure. Sides are taken in
alternation in one run, on the same photograph.

    python -m benchmarks.requests [--photo FILE] [--rounds 40] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from benchmarks import load
from benchmarks.rows import Row, held_back, report, seconds
from countenance.config import Settings
from countenance.consent import Basis
from countenance.service import auth, founding, people
from countenance.service.app import House
from countenance.service.enrol import enrol
from countenance.service.gate import Done, Private
from countenance.service.myself import settle_in
from countenance.service.use import Use, ask_of
from countenance.vision import models
from countenance.vision.decode import decode
from countenance.vision.engine import Engine
from tests.vision.drawn import ANN, draw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

ROOT = Path(__file__).resolve().parent.parent
LONDON = ROOT.parent / "shared" / "faces" / "london"
SIDE = 640  # px, the longer side of the photograph
CLIENTS = 16
RATE, LASTING = 200.0, 8.0  # requests a second, and for how many seconds
IDLE = 1000
FLOOD = 400  # requests at once
ROUND = 4  # requests of each client in one round of the throughput


@dataclass(frozen=True, slots=True)
class Site:
    """A served house: its port, its key, and the requests that are sent to it."""

    port: int
    verify: bytes
    light: tuple[bytes, bytes]


def photograph(given: Path | None) -> bytes:
    """One face, JPEG, the longer side 640 px; drawn where there is no photograph."""
    found = [given] if given else sorted(LONDON.rglob("*.jpg"))[:1] if LONDON.is_dir() else []
    bgr = cv2.imread(str(found[0])) if found else draw(480, 640, ANN)[:, :, ::-1]
    picture = np.ascontiguousarray(bgr, np.uint8)
    factor = SIDE / max(picture.shape[:2])
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 90])[1])


def make(settings: Settings, photo: bytes) -> str:
    """A house with one person enrolled from the photograph; returns the key of its operator."""
    founding.found(settings, "benchmark/log")
    with House.open(settings) as house:
        key = settle_in(house, ("identity-verification",), "DE").admitted.key
        who = auth.authenticate(house.database, key)
        inside = people.collection(house, who, "me")
        people.give_consent(house, who, inside, "me", _basis(house.now()))
        enrol(house, who, inside, "me", photo, Use())
    return key


def _basis(now: datetime) -> Basis:
    return Basis(
        "consent", "identity-verification", now, now + timedelta(days=30), adult=True, manner="electronic",
        notice="a benchmark", recorded_by="a benchmark", evidence="a benchmark",
    )  # fmt: skip


@contextmanager
def served(settings: Settings, key: str, photo: bytes) -> Iterator[Site]:
    """`countenance serve` in a process of its own; it prints where it listens as a line of JSON."""
    command = [sys.executable, "-m", "countenance.cli.main", "serve", "--port", "0"]
    command += ["--data", str(settings.data), "--keys", str(settings.keys), "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        port = _port(child)
        verify = load.request("POST", "/v1/collections/me/subjects/me/verify", key, photo)
        denied = load.request("POST", "/v1/detect?place=publicly-accessible&mode=real-time", key, photo)
        yield Site(port, verify, (load.request("GET", "/v1/me", key), denied))
    finally:
        child.terminate()
        child.communicate(timeout=60)


def _port(child: subprocess.Popen[str]) -> int:
    if child.stdout is None:
        raise RuntimeError("the server has no output")
    for text in child.stdout:
        line = json.loads(text)
        if line.get("event") == "listening":
            threading.Thread(target=child.stdout.read, daemon=True).start()  # nobody may fill the pipe
            return int(str(line["address"]).rpartition(":")[2])
    raise RuntimeError("the server did not start")


def one_client(site: Site, engine: Engine, photo: bytes, rounds: int) -> list[Row]:
    """`verify` by one client against decode, detect and embed alone, in alternation."""

    async def turns() -> list[tuple[float, float]]:
        line, made = load.Line(site.port), []
        for _ in range(rounds + 3):
            answer = await line.ask(site.verify)
            if answer.status != 200:
                raise RuntimeError(f"verify answered {answer.status}")
            made.append((answer.seconds, seconds(lambda: engine.faces(decode(photo)))))
        line.close()
        return made[3:]

    whole, bare = zip(*asyncio.run(turns()), strict=True)
    ratio = min(whole) / min(bare)
    return [
        Row("verify, one client / engine alone", ratio, "times", "at most 1.15", ratio <= 1.15),
        Row("the same, of medians", statistics.median(whole) / statistics.median(bare), "times"),
        Row("verify, one client, least", min(whole) * 1000, "ms"),
    ]


def many_clients(site: Site, engine: Engine, photo: bytes, rounds: int) -> list[Row]:
    """16 clients against the engine's own batches, photographs a second, in alternation."""
    many = CLIENTS * ROUND

    def clients() -> None:
        answers = asyncio.run(load.closed(site.port, site.verify, CLIENTS, ROUND))
        if any(answer.status != 200 for answer in answers):
            raise RuntimeError("a client of the throughput was not answered")

    turns = [(seconds(clients), seconds(lambda: list(engine.many([photo] * many)))) for _ in range(rounds + 1)][1:]
    whole, bare = (min(side) for side in zip(*turns, strict=True))
    return [
        Row("verify, 16 clients / engine's batches", bare / whole, "of the rate", "at least 0.9", bare / whole >= 0.9),
        Row("verify, 16 clients", many / whole, "1/s"),
    ]


def gate_and_ledger(settings: Settings, key: str, rounds: int) -> list[Row]:
    """An allowed ask whose work is nothing, and one write and fsync on the same disk, in alternation."""
    with House.open(settings) as house:
        who = auth.authenticate(house.database, key)
        ask, about = ask_of(who, "verify", Use()), Private(who.customer.id, who.grant.id, who.key)

        def nothing() -> None:
            house.gate.run(who, ask, lambda _: Done(None, "match"), about=about)

        file = os.open(settings.data / "fsync.tmp", os.O_CREAT | os.O_WRONLY)
        turns = [(seconds(nothing), seconds(partial(_fsync, file))) for _ in range(10 * rounds)][10:]
        os.close(file)
        each = min(seconds(lambda: _together(nothing, CLIENTS, 20)) for _ in range(5)) / (CLIENTS * 20)
    alone, disk = (statistics.median(side) for side in zip(*turns, strict=True))  # the least fsync is a lucky one
    return [
        Row("gate and ledger, one client / one fsync", alone / disk, "times", "at most 6", alone / disk <= 6),
        Row("gate and ledger, one client, median", alone * 1e6, "us"),
        Row("one write and fsync, median", disk * 1e6, "us"),
        Row("gate and ledger, 16 at once, each / one client", each / alone, "times", "less than 1", each < alone),
    ]


def _fsync(file: int) -> None:
    os.write(file, bytes(2048))
    os.fsync(file)


def _together(call: Callable[[], None], threads: int, each: int) -> None:
    def run() -> None:
        for _ in range(each):
            call()

    started = [threading.Thread(target=run) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()


def steady(site: Site) -> list[Row]:
    """200 requests a second without inference, with and without 1,000 idle connections beside them."""

    async def measured(many: int) -> float:
        lines = await load.idle(site.port, site.light[0], many)
        answers = await load.opened(site.port, site.light, RATE, LASTING, 64)
        for line in lines:
            line.close()
        if any(answer.status not in (200, 403) for answer in answers):
            raise RuntimeError("a light request was not answered")
        return load.quantile(answers, 0.99)

    turns = [(asyncio.run(measured(0)), asyncio.run(measured(IDLE))) for _ in range(3)]
    alone, beside = (min(side) for side in zip(*turns, strict=True))
    return [
        Row("200 requests a second, p99", alone * 1000, "ms", "at most 25", alone <= 0.025),
        Row("p99 beside 1,000 idle sockets", beside * 1000, "ms"),
        Row("p99 beside idle sockets / without", beside / alone, "times", "at most 2", beside <= 2 * alone),
    ]


def flood(site: Site) -> list[Row]:
    """400 verifications at once: what is not taken is told so and when to come again, and nothing times out."""
    answers = asyncio.run(load.closed(site.port, site.verify, FLOOD, 1))
    shed = [answer for answer in answers if answer.status in (429, 503)]
    lost = len([answer for answer in answers if answer.status not in (200, 429, 503)])
    mute = len([answer for answer in shed if not answer.retry_after])
    return [
        Row(f"{FLOOD} at once: answered", len(answers) - len(shed) - lost, "requests"),
        Row(f"{FLOOD} at once: shed", len(shed), "requests", "at least 1", len(shed) >= 1),
        Row(f"{FLOOD} at once: shed without Retry-After", mute, "requests", "none", mute == 0),
        Row(f"{FLOOD} at once: timed out or broken", lost, "requests", "none", lost == 0),
        Row(f"{FLOOD} at once: the slowest", max(answer.seconds for answer in answers), "s"),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=Path, help="a photograph with one face")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4 * IDLE, hard)), hard))
    photo = photograph(given.photo)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(Path(folder) / "data", Path(folder) / "keys")
        key = make(settings, photo)
        rows = gate_and_ledger(settings, key, given.rounds)
        with Engine.load(models.shipped(), settings.models) as engine, served(settings, key, photo) as site:
            rows += one_client(site, engine, photo, given.rounds)
            rows += many_clients(site, engine, photo, max(3, given.rounds // 5))
            rows += steady(site)
            rows += flood(site)
    return report([*rows, held_back()], given.json)


if __name__ == "__main__":
    sys.exit(main())
