"""What goes wrong in the middle of a call, at a real server: each is a clear error, with nothing half-done.

A key that ends, a server that ends or is killed, a disk that is full, a body that is cut off or trickles, and paths
that could be read in two ways.
"""

# ruff: noqa: S311  (seeded, so that a failure comes again)
from __future__ import annotations

import json
import random
import resource
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.http.conftest import PURPOSE, bearer, consent
from tests.http.scene import CONSENTS, ENROL, UNTIL, Painted, Scene, rest
from tests.http.test_server import PATIENCE
from tests.ledger.world import LONG
from tests.service.world import photo

if TYPE_CHECKING:
    from collections.abc import Iterator

KILLS = 40 if LONG else 3


@pytest.fixture(scope="module")
def child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Painted]:
    """One server for the tests that leave it running."""
    with Painted(Scene(tmp_path_factory.mktemp("running"))) as running:
        yield running


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A house for the tests that end its servers."""
    return Scene(tmp_path_factory.mktemp("ending"))


def leaves(child: Painted) -> int:
    return int(child.ask("GET", "/v1/log").json()["size"])


# -- a key that ends ---


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/detect", photo(1), "image/png"),
        (ENROL, photo(1), "image/png"),
        (CONSENTS, json.dumps(consent("eve", until=UNTIL)).encode(), "application/json"),
        ("/v1/collections", json.dumps({"name": "eves", "purpose": PURPOSE}).encode(), "application/json"),
    ],
)
def test_a_key_that_is_revoked_while_its_body_comes_gets_nothing(
    child: Painted, path: str, body: bytes, kind: str
) -> None:
    scene, shown = child.scene, len(child.of("inside"))
    issued = child.ask("POST", "/v1/keys").json()
    mine, scene.key = scene.key, bearer(issued["key"])
    try:
        with child.begun(path, body, kind, 10) as line:
            ended = child.ask("DELETE", f"/v1/keys/{issued['id']}", headers=mine)
            size = int(httpx.get(f"{child.at}/v1/log").json()["size"])
            line.sendall(body[10:])
            answer = rest(line)
    finally:
        scene.key = mine
    assert ended.status_code == 200
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"unauthenticated" in answer
    assert leaves(child) == size
    assert len(child.of("inside")) == shown


def test_a_key_that_is_revoked_between_two_calls_of_one_connection_ends_within_a_second(child: Painted) -> None:
    issued = child.ask("POST", "/v1/keys").json()
    with httpx.Client(base_url=child.at, headers=bearer(issued["key"]), timeout=PATIENCE) as kept:
        assert kept.get("/v1/me").status_code == 200
        assert child.ask("DELETE", f"/v1/keys/{issued['id']}").status_code == 200
        began = time.monotonic()
        assert kept.get("/v1/me").status_code == 401
        assert time.monotonic() - began < 1


# -- a server that ends ---


def test_told_to_stop_it_finishes_what_is_under_way_and_takes_nothing_new(scene: Scene) -> None:
    before = scene.look()
    with Painted(scene) as child, httpx.Client(base_url=child.at, headers=scene.key) as idle:
        assert idle.get("/v1/me").status_code == 200
        (scene.folder / "hold").touch()
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(child.enrol("stopped")))
        asking.start()
        child.until("inside")
        child.child.send_signal(signal.SIGTERM)
        refused = 0
        deadline = time.monotonic() + PATIENCE
        while not refused and time.monotonic() < deadline:
            try:
                socket.create_connection((child.host, child.port), 1).close()
                time.sleep(0.02)
            except OSError:
                refused = 1
        with pytest.raises(httpx.TransportError):
            idle.get("/v1/me")
        (scene.folder / "hold").unlink()
        asking.join(PATIENCE)
        assert child.end() == (0, "")
        assert child.of("closed")
        assert not child.of("defect")
    assert (refused, answers[0].status_code) == (1, 201)
    after = scene.look()
    assert after["templates"] == before["templates"] + 1
    assert after["leaves"] == answers[0].json()["index"] + 1
    assert scene.world.proven(answers[0].json()["receipt"]).leaf.open["verdict"] == "allow"
    with Painted(scene) as child:
        assert child.enrol("stopped").content == answers[0].content


def test_killed_in_the_middle_of_an_enrolment_nothing_of_it_is_there_and_a_repeat_does_it_once(scene: Scene) -> None:
    before = scene.look()
    with Painted(scene) as child:
        (scene.folder / "hold").touch()
        broken: list[Exception] = []

        def ask() -> None:
            try:
                child.enrol("killed")
            except httpx.HTTPError as error:
                broken.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        child.until("inside")
        child.child.kill()
        asking.join(PATIENCE)
    (scene.folder / "hold").unlink()
    assert broken
    assert scene.look() == before
    with Painted(scene) as child:
        first, again = child.enrol("killed"), child.enrol("killed")
        assert child.end()[0] == 0
    assert (first.status_code, again.content) == (201, first.content)
    assert scene.look()["templates"] == before["templates"] + 1


def test_killed_at_moments_nobody_chose_each_call_is_done_once_whoever_repeats_it(scene: Scene) -> None:
    """Each caller sends the call that broke again, to the next server. 3 kills, or 40 with COUNTENANCE_LONG=1."""
    rng, open_calls = random.Random(63), [f"{caller}-0" for caller in range(3)]
    before, answered = scene.look(), dict[str, httpx.Response]()
    for _ in range(KILLS):
        with Painted(scene) as child:
            threads = [threading.Thread(target=_record_on, args=(child, open_calls, at, answered)) for at in range(3)]
            for thread in threads:
                thread.start()
            time.sleep(rng.uniform(0.2, 1))
            child.child.kill()
            for thread in threads:
                thread.join(PATIENCE)
    with Painted(scene) as child:
        repeated = {name: child.record(f"p{name}", name) for name in (*open_calls, *answered)}
        assert child.end()[0] == 0
    assert {one.status_code for one in repeated.values()} == {201}
    assert all(repeated[name].content == answer.content for name, answer in answered.items())
    after = scene.look()
    assert len(answered) > KILLS
    assert after["consents"] - before["consents"] == after["kept_answers"] - before["kept_answers"] == len(repeated)
    assert after["outbox"] == 0


def _record_on(child: Painted, calls: list[str], at: int, answered: dict[str, httpx.Response]) -> None:
    """Record one basis after another until the line breaks; what was not answered stays in `calls`."""
    while True:
        try:
            answer = child.record(f"p{calls[at]}", calls[at])
        except httpx.HTTPError:
            return
        assert answer.status_code == 201, answer.text
        answered[calls[at]] = answer
        caller, number = calls[at].split("-")
        calls[at] = f"{caller}-{int(number) + 1}"


# -- a full disk ---


def _fill(child: Painted) -> None:
    """From now on no file of the child can grow, as on a full disk."""
    resource.prlimit(child.child.pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))


def _free(child: Painted) -> None:
    resource.prlimit(child.child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def _no_result(answer: httpx.Response, *codes: str) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Countenance-Receipt" not in answer.headers
    told = answer.json()
    assert told["code"] in codes
    assert set(told) == {"type", "title", "status", "code", "detail", "next_step", "retry", "request"}


def test_on_a_full_disk_there_is_no_answer_and_once_there_is_room_each_call_is_done_once(scene: Scene) -> None:
    before = scene.look()
    with Painted(scene) as child:
        assert child.ask("GET", "/v1/me").status_code == 200
        (scene.folder / "hold").touch()
        answers: list[httpx.Response] = []
        asking = threading.Thread(target=lambda: answers.append(child.enrol("full")))
        asking.start()
        child.until("inside")
        _fill(child)
        (scene.folder / "hold").unlink()
        asking.join(PATIENCE)
        _no_result(answers[0], "log-unavailable", "disk-full")
        _no_result(child.enrol("full"), "log-unavailable", "disk-full")
        _no_result(child.record("fay", "full"), "misconfigured", "disk-full")  # SQLite tells this bound as an I/O error
        _free(child)
        done = child.enrol("full")  # the database was the first to refuse, so the log met no error
        assert done.status_code == 201, done.text
        child.end()
        assert not child.of("defect")
    after = scene.look()
    assert after["leaves"] == before["leaves"] + 1
    assert after["templates"] == before["templates"] + 1
    assert after["consents"] == before["consents"]
    with Painted(scene) as child:
        assert child.enrol("full").content == done.content
        assert child.record("fay", "full").status_code == 201
        assert httpx.get(f"{child.at}/readyz", timeout=PATIENCE).status_code == 200


# -- bodies ---


@pytest.mark.parametrize("kind", ["image/png", "application/json", "multipart/form-data; boundary=x"])
@pytest.mark.parametrize("path", ["/v1/detect", ENROL, CONSENTS])
def test_a_body_that_is_cut_off_does_nothing_and_is_no_defect(child: Painted, path: str, kind: str) -> None:
    size, done, shown = leaves(child), len(child.of("request")), len(child.of("inside"))
    with child.begun(path, b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n' * 9, kind, 80):
        pass

    def posted() -> list[dict[str, Any]]:
        return [line for line in child.of("request")[done:] if line["method"] == "POST"]

    with child.changed:
        assert child.changed.wait_for(posted, PATIENCE)
    assert posted()[0]["status"] in (415, 499)
    assert leaves(child) == size
    assert not child.of("defect")
    assert len(child.of("inside")) == shown


def test_a_body_that_trickles_is_given_up_with_nothing_done(child: Painted) -> None:
    size = leaves(child)
    with child.begun(ENROL, photo(1), "image/png", 10) as line:
        answer = rest(line)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["retry"] is True
    assert leaves(child) == size
    assert not child.of("defect")


# -- addresses ---


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/v1/collections/staff/subjects/ada%2Fconsents"),
        ("DELETE", "/v1/collections/staff/subjects/ada%2fconsents"),
        ("DELETE", "/v1/collections/staff/subjects/bo%2F..%2Fada"),
        ("DELETE", "/v1/collections/staff%2Fsubjects%2Fada"),
        ("DELETE", "/v1/collections/staff/subjects/bo/%2e%2e/ada"),
        ("DELETE", "/v1/collections/staff/subjects/bo/../ada"),
        ("DELETE", "/v1/collections/staff/subjects/%2e%2e"),
        ("DELETE", "/v1/collections/staff/subjects/..%00"),
        ("DELETE", "/v1/collections/staff/subjects/ada%00"),
        ("DELETE", "/v1/collections/staff/subjects/ada%2500"),
        ("DELETE", "/v1/collections/staff/subjects/%2561da"),
        ("DELETE", "/v1/collections/staff/subjects/%c1%a1da"),
        ("DELETE", "/v1/collections/staff/subjects/ad%e0%81%a1"),
        ("DELETE", "/v1/collections/staff/subjects/ada%ff"),
        ("DELETE", "/v1/collections/staff/subjects/ada%20"),
        ("DELETE", "/v1/collections/staff/subjects/ada%0a"),
        ("DELETE", "/v1/collections/staff/subjects/ada;x"),
        ("DELETE", "/v1/collections/staff/subjects/ada/"),
        ("DELETE", "/v1/collections/staff/subjects//ada"),
        ("DELETE", "/v1/collections/staff%5c..%5cstaff/subjects/ada"),
        ("DELETE", "//v1/collections/staff/subjects/ada"),
        ("POST", "/v1/collections/staff/subjects/ada?_method=DELETE"),
        ("POST", "/v1/collections/staff/subjects/ada"),
    ],
)
def test_no_spelling_of_a_path_names_what_it_does_not_say(child: Painted, method: str, path: str) -> None:
    key = child.scene.key["Authorization"]
    over = "X-HTTP-Method-Override: DELETE\r\nX-HTTP-Method: DELETE\r\nX-Method-Override: DELETE\r\n"
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n{over}Content-Length: 0\r\n"
    answer = child.speak(head.encode() + b"Connection: close\r\n\r\n")
    assert answer.split(b" ")[1] in (b"400", b"404", b"405"), answer
    assert b"application/problem+json" in answer
    kept = child.ask("GET", "/v1/collections/staff/subjects").json()["subjects"]
    assert "ada" in [one["alias"] for one in kept]
    assert child.ask("GET", "/v1/collections/staff/subjects/ada/export").json()["grounds"][0]["withdrawn"] is None
