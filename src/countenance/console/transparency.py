"""The public transparency page, and a leaf, for people: what the JSON document says, in sentences and tables.

It renders what it is given: it counts nothing and leaves nothing out. It needs no script and loads nothing. Source:
docs/transparency-page.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from countenance.console.parts import POLICY, Markup, link, listed, page, paragraph, table, text, told
from countenance.ledger import beside, tiles

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from countenance.ledger.leaf import Leaf
    from countenance.ledger.proof import TlogProof

    Shown = Mapping[str, Any]

__all__ = ["POLICY", "of_leaf", "sentence", "whole"]

TITLE = "What this server answers, and to whom"
COUNTED = (
    "Decisions",
    "Allowed",
    "Refused",
    "Allowed, no result",
    "On declarations alone",
    "First leaf",
    "Newest leaf",
)
LEAVES = ("Leaves", "First leaf", "Newest leaf")
PARTS = (
    ("log", "The log and its witnesses"), ("decisions", "Decisions"), ("refusals", "Why it refused"),
    ("law-enforcement", "Law enforcement"), ("promises", "Promises"), ("changes", "Changes under notice"),
    ("laws", "Laws"), ("evaluation", "Evaluation"), ("people", "Consents, withdrawals, erasures"),
    ("incidents", "Incidents"), ("missing", "What is not here"),
)  # fmt: skip
UNWITNESSED = (
    "unwitnessed: nobody outside has cosigned this log, so it could show different people different histories. "
    "Compare its checkpoint with somebody else's."
)


def whole(shown: Shown) -> str:
    """The page."""
    sections = (
        _log(shown), _decisions(shown), _refusals(shown), _law_enforcement(shown), _promises(shown), _changes(shown),
        _laws(shown), _evaluation(shown), _people(shown), _incidents(shown), _missing(shown),
    )  # fmt: skip
    contents = listed(link(f"#{at}", title) for at, title in PARTS)
    bodies = (
        f'<section aria-labelledby="{at}"><h2 id="{at}">{text(title)}</h2>\n{"".join(section)}</section>'
        for (at, title), section in zip(PARTS, sections, strict=True)
    )
    return page(
        TITLE,
        _witness(shown["log"]),
        paragraph(
            "Every answer and every refusal of this server is a leaf in a public log. The numbers here are counts of "
            "those leaves. Each row links to the first and the newest leaf that it counts, and anybody can count all "
            "of them again. The same as ", link("/v1/transparency", "JSON"), ".",
        ),
        f'<nav aria-label="On this page">{contents}</nav>',
        *bodies,
    )  # fmt: skip


def sentence(says: str, next_step: str) -> str:
    """A page that says what went wrong."""
    return page(TITLE, told(f"{says}. {next_step}", alert=True), paragraph(link("/transparency", "To the overview")))


def of_leaf(found: Leaf, proof: TlogProof, size: int, *, witnessed: bool) -> str:
    """One leaf: what it says, and its proof, which the page /verify takes."""
    index = proof.index
    first = index // tiles.WIDTH
    bundle = tiles.Tile(tiles.ENTRIES, first, min(tiles.WIDTH, size - first * tiles.WIDTH)).path
    cosigned = link(f"/ledger/witnessed/{index}", "its proof in the newest cosigned checkpoint")
    around = [
        link(f"/transparency/leaves/{at}", says)
        for at, says in ((index - 1, "the leaf before"), (index + 1, "the leaf after"))
        if 0 <= at < size
    ]
    return page(
        f"Leaf {index}",
        told(Markup(f"Witnessed: see {cosigned}.") if witnessed else UNWITNESSED),
        table("What it says", ("Key", "Value"), _flat({"kind": found.kind, **found.open})),
        paragraph("It names nobody: ", link("/transparency", "what leaves are, and how many"), ". It lies in the file ",
                  link(f"/ledger/{bundle}", bundle), ", as ", *_joined(around), "."),
        '<h2 id="proof">Its proof</h2>',
        paragraph("Signed by the log: copy it, from the first line to the last, and ",
                  link("/verify", "check it in your browser"), "."),
        f'<pre tabindex="0" aria-labelledby="proof">{text(proof.encode().decode())}</pre>',
    )  # fmt: skip


def _joined(links: list[Markup]) -> Iterator[str]:
    for place, each in enumerate(links):
        yield ", as does " if place else "does "
        yield each


def _flat(found: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}: ")
        else:
            yield f"{before}{name}", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _witness(log: Shown) -> str:
    if log["witnessed"] is None:
        return told(UNWITNESSED)
    held = log["witnessed"]
    by = ", ".join(held["by"])
    return told(f"Witnessed: {by} cosigned the first {held['size']:,} leaves, the oldest of them at {held['at']}.")


def _log(shown: Shown) -> Iterator[str]:
    log = shown["log"]
    yield _witness(log)
    behind = log["size"] - log["counted"]
    yield paragraph(
        f"The log {log['origin']} has {log['size']:,} leaves. Counted here: the first {log['counted']:,}, until the "
        f"hour {log['until'] or '(none yet)'}. ", f"{behind:,} are still to be counted. " if behind else "",
        "Its checkpoint: ", link("/ledger/checkpoint", "checkpoint"), *((", ", link(
            "/ledger/checkpoint.cosigned", "checkpoint.cosigned")) if log["witnessed"] else ()), ".",
    )  # fmt: skip
    yield paragraph(
        "Its public key, which you should have from somebody else too: ", Markup(f"<code>{text(log['vkey'])}</code>")
    )
    names = ", ".join(log["witnesses"])
    yield paragraph(
        f"Witnesses that are asked: {names}. {log['quorum']} of them are enough." if names else "No witness is asked."
    )
    yield table("Leaves by kind", ("Kind", *LEAVES), _counts(shown["leaves"]))
    yield table("Keys that are to sign after this one", ("Leaf", "Hour", "Says"), _events(shown["log_keys"]))


def _decisions(shown: Shown) -> Iterator[str]:
    decided, share = shown["decisions"], shown["declared_alone"]
    known = decided["declared"] + decided["checked"]
    yield paragraph(
        "“Allowed” is what the promises and laws said; “no result” is an allowed ask that ended all the same, for "
        "instance on a photograph without a face. “On declarations alone”: nobody had checked who the customer is."
    )
    yield told(
        "On declarations alone: no decision says yet."
        if share is None
        else f"On declarations alone: {100 * share:.1f} %, {decided['declared']:,} of {known:,} decisions that say."
    )
    yield table("All decisions", ("", *COUNTED), [_counted("all", decided)] if decided["leaves"] else ())
    for name, says in (
        ("action", "kind"),
        ("sector", "sector of the customer"),
        ("purpose", "purpose"),
        ("country", "country of use"),
    ):
        yield table(f"Decisions by {says}", (says, *COUNTED), (_counted(row["word"], row) for row in shown[name]))
    yield paragraph(shown["small_numbers"])


def _refusals(shown: Shown) -> Iterator[str]:
    yield paragraph(
        "Rules that refused. One refusal may have several. What each says, and its source, is in the text of "
        "its pack, linked under Promises."
    )
    yield table("Refusals by rule", ("Rule", *LEAVES), _counts(shown["refused_by"]))
    yield table("Ended without a result, by reason", ("Reason", *LEAVES), _counts(shown["ended_by"]))


def _law_enforcement(shown: Shown) -> Iterator[str]:
    yield table(
        "Decisions on asks by law enforcement, for it, or at its request", ("kind", *COUNTED),
        (_counted(row["word"], row) for row in shown["for_law_enforcement"]),
    )  # fmt: skip
    asked = shown["demands"]
    yield table(
        "Demands for a customer's records, from the leaves", ("", *LEAVES),
        _counts({"word": name, **asked[name]} for name in ("recorded", "answered") if asked[name]["leaves"]),
    )  # fmt: skip
    rest = asked["answered"]["leaves"] - sum(row["demands"] for row in asked["told"])
    yield table(
        "Answered demands of which the customer was told, from the provider's books",
        ("Sector", "Instrument", "Answer", "Demands", "Leaf of the newest decision"),
        (
            (row["sector"], row["instrument"], row["outcome"], row["demands"], _at(row["newest"]))
            for row in asked["told"]
        ),
    )  # fmt: skip
    yield paragraph(
        f"{max(rest, 0):,} answered demands more are counted by the leaves. How those were answered is not "
        "told here, for the customer was not told of them."
    )


def _promises(shown: Shown) -> Iterator[str]:
    held = shown["promises"]
    if held["stopped"]:
        yield told("An emergency stop is on: every ask but that of one's own data is refused.", alert=True)
    folder = f"/ledger/{held['folder']}"
    yield table(
        "Promises and laws in force",
        ("Pack", "Its text"),
        ((one["name"], link(f"{folder}/{one['name']}.cedar", one["digest"])) for one in held["in_force"]),
    )
    decided = held["decided_by_this_set"]
    yield paragraph(
        f"In force since {held['since']}, as the set {held['digest']}. It decided {decided['leaves']:,} asks",
        *((", the newest in leaf ", _at(decided["newest"])) if decided["leaves"] else ()),
        ".",
    )
    yield table(
        "Sets that were in force, the newest first",
        ("From", "Until", "Its packs", "Set"),
        ((one["since"], one["until"] or "now", _packs(one), one["digest"]) for one in reversed(held["history"])),
    )
    yield table("What each set decided", ("Set", *COUNTED), (_counted(row["word"], row) for row in held["decided"]))
    yield table("Changes of promises, leaf by leaf", ("Leaf", "Hour", "Says"), _events(held["changes"]))


def _changes(shown: Shown) -> Iterator[str]:
    waiting = shown["promises"]["under_notice"]
    if not waiting:
        yield paragraph("No change is under notice.")
    for each in waiting:
        yield f"<h3>{text(each['change'])}</h3>"
        yield paragraph(
            "It opens a door" if each["loosens"] else "It opens no door", f"; in force not before {each['not_before']}"
            if each["not_before"] else "; its notice does not run yet", f", with two approvals; it has "
            f"{each['approvals']}. Its document: ", link(f"/ledger/{each['file']}", each["document"]), ".",
        )  # fmt: skip
        if each["why"]:
            yield paragraph("For whom it opens one:")
            yield listed(each["why"])
        yield from _difference(each["difference"])


def _difference(found: Shown | None) -> Iterator[str]:
    if found is None:
        yield paragraph("Its texts are not public yet, and the notice does not run before they are.")
        return
    for name, says in (("added", "Packs that come"), ("removed", "Packs that go"), ("changed", "Packs that change")):
        if found[name]:
            yield paragraph(f"{says}: {', '.join(found[name])}.")
    if found["lines"]:
        lines = text("\n".join(found["lines"]))
        yield f'<pre tabindex="0" aria-label="Changed lines">{lines}</pre>'
    if found["more"]:
        yield paragraph("There is more: compare the two texts.")


def _laws(shown: Shown) -> Iterator[str]:
    held = shown["laws"]
    yield paragraph(f"Recorded laws in force: {', '.join(held['in_force']) or 'none'}.")
    yield table(
        "The registry", ("Law", "Title", "Where", "State", "Signatures", "Objections", "Its text"),
        ((law["id"], law["title"], f"{law['jurisdiction']} ({law['level']})", law["state"], law["signatures"],
          law["objections"], link(f"/ledger/{law['file']}", law["record"])) for law in held["records"]),
        none="No law is recorded or proposed.",
    )  # fmt: skip
    yield table("Changes of the registry, leaf by leaf", ("Leaf", "Hour", "Says"), _events(held["changes"]))
    yield table(
        "Days on which answers will change, as announced", ("Leaf", "Hour", "Says"), _events(shown["announced"])
    )


def _evaluation(shown: Shown) -> Iterator[str]:
    yield paragraph(
        "What the rules read of the model in use, as decisions carry it. Rates are parts in a million, at the "
        "threshold in use, of the group with the most errors; differentials are in thousandths. The report "
        "with its groups and gaps is not in the leaves."
    )
    for each in shown["evaluations"]:
        facts = [(name.removeprefix("model."), json.dumps(fact)) for name, fact in each["facts"].items()]
        yield table(
            f"Model {each['model'] or '(other)'}",
            ("Figure", "Value"),
            [
                *facts,
                ("decisions", each["leaves"]),
                ("first leaf", _at(each["first"])),
                ("newest leaf", _at(each["newest"])),
            ],
        )
    if not shown["evaluations"]:
        yield paragraph("No decision has carried one yet.")


def _people(shown: Shown) -> Iterator[str]:
    wanted = ("consent", "withdrawal", "erasure", "access", "complaint", "revocation")
    yield table(
        "Leaves about what people asked for themselves",
        ("Kind", *LEAVES),
        _counts(row for row in shown["leaves"] if row["word"] in wanted),
    )
    yield table("Copies of the house, made, ended and restored", ("Leaf", "Hour", "Says"), _events(shown["backups"]))


def _incidents(shown: Shown) -> Iterator[str]:
    traces = shown["incidents"]
    yield paragraph("No leaf is for incidents, so none is counted as one. These can be a trace of one:")
    yield table("Emergency stops, and their end", ("Leaf", "Hour", "Says"), _events(traces["stop"]))
    yield table("Restores from a backup", ("Leaf", "Hour", "Says"), _events(traces["restore"]))
    yield table(
        "Answers that a defect of ours ended",
        ("", *LEAVES),
        _counts([{"word": "defects", **traces["defects"]}] if traces["defects"]["leaves"] else []),
    )


def _missing(shown: Shown) -> Iterator[str]:
    yield listed(shown["no_leaf_says"])


def _counted(word: str, row: Shown) -> tuple[str | int, ...]:
    refused, leaves = row["refused"], row["leaves"]
    return (
        word, leaves, leaves - refused, refused, row["without_result"], row["declared"], _at(row["first"]),
        _at(row["newest"]),
    )  # fmt: skip


def _counts(rows: Iterable[Shown]) -> Iterator[tuple[str | int, ...]]:
    for row in rows:
        yield row["word"], row["leaves"], _at(row["first"]), _at(row["newest"])


def _events(events: Iterable[Shown]) -> Iterator[tuple[str, str, str]]:
    for event in events:
        said = [_word(name, value) for name, value in event["words"].items() if value not in ("", [])]
        yield _at(event["index"]), event["time"], Markup("; ".join(said))


def _word(name: str, value: Any) -> str:
    """A word of a leaf; a digest of a text that is public leads to it."""
    if name in ("change", "record"):
        path = beside.of_change(value) if name == "change" else beside.of_laws(value)
        return f"{text(name)} {link(f'/ledger/{path}', value)}"
    return text(f"{name} {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}")


def _packs(one: Shown) -> Markup:
    return Markup(", ".join(link(f"/ledger/{one['folder']}/{name}.cedar", name) for name in one["packs"]))


def _at(index: int) -> Markup:
    return link(f"/transparency/leaves/{index}", str(index))
