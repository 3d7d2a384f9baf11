"""The story as text: wrapped lines that read well without colour, and better with it."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from countenance.demo.cast import Cast
    from countenance.demo.scene import Scene

WIDTH = 88  # columns
COLOURS = {"refused": "red", "no match": "yellow", "erased": "magenta", "proven": "green"}


def scene_lines(number: int, scene: Scene) -> Iterator[str]:
    """A scene as lines of at most WIDTH columns, but for what must not be broken: sources, keys, certificates."""
    outcome = click.style(scene.outcome.upper(), fg=COLOURS.get(scene.outcome, "cyan"), bold=True)
    yield f"{number:>2}. {click.style(scene.title, bold=True)}  [{outcome}]"
    for sentence in scene.said:
        yield from textwrap.wrap(sentence, WIDTH, initial_indent="    ", subsequent_indent="    ")
    for shown in scene.shown:
        yield f"      {shown.role:<9} {shown.photo.caption}"
    for label, text in scene.quotes:
        yield from _quoted(label, text)
    for proof in scene.proofs:
        yield click.style(f"      leaf      {proof.leaf}: {proof.what}; receipts/{proof.file}", dim=True)
    if not scene.as_told:
        yield click.style("    This is not what the story said would happen.", fg="red", bold=True)
    yield ""


def _quoted(label: str, text: str) -> Iterator[str]:
    if "\n" in text:
        yield f"      {label}:"
        yield from (f"        {line}" for line in text.splitlines())
    elif " " not in text:
        yield f"      {label:<9} {text}"
    else:
        indent = " " * 16
        label = f"{label:<9}" if len(label) < 10 else f"{label}:"
        yield from textwrap.wrap(f"{label} {text}", WIDTH, initial_indent="      ", subsequent_indent=indent)


def credit_lines(cast: Cast) -> Iterator[str]:
    """Who is in the photographs, who took them, and under which licence."""
    yield click.style("The photographs", bold=True)
    for person in cast.people:
        for photo in person.photos:
            text = f"{photo.caption}: {photo.credit}"
            yield from textwrap.wrap(text, WIDTH, initial_indent="    ", subsequent_indent="      ")
    yield ""
