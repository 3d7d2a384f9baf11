"""Paths at the watch: one that could be read in two ways names nothing, any other passes as it was sent."""

from __future__ import annotations

import pytest

from tests.http.test_watch import ask, fed


@pytest.mark.parametrize(
    "path",
    ["/echo/a%2Fb", "/echo/a%2fb", "/echo/%2F", "/echo/%252f%2f", "/echo/%c0%af", "/echo/%c0%ae%c0%ae", "/echo/%ff",
     "/echo/%e0%80%af", "/echo/%ed%a0%80", "/echo/%f8%80%80%80%af"],
)  # fmt: skip
def test_a_path_that_could_be_read_in_two_ways_names_nothing(path: str) -> None:
    door, heard = ask(path, method="POST", feed=fed(b"x"))
    assert (heard.status, heard.problem["code"], door.read) == (404, "not-found", [])
    assert "id" in heard.problem["next_step"]


@pytest.mark.parametrize("path", ["/echo/%C3%A9", "/echo/%252f", "/echo/%25", "/echo/%2e%2e", "/echo/%00", "/echo/%"])
def test_a_path_that_is_read_in_one_way_passes(path: str) -> None:
    assert ask(path)[1].status == 200
