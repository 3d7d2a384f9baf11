"""`countenance decide`: ask the policy, without a server, a key or a leaf.

It prints what a server would say on the facts given and lists every fact it assumed. It changes nothing, logs
nothing and shows nobody's face. Contract: docs/policy.md, "On the command line".
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from countenance.cli.matrix import Matrix
from countenance.cli.matrix import answer as answer_matrix
from countenance.domain.errors import BadInput
from countenance.policy import packs, whatif, wire, words
from countenance.service import decide as service

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from countenance.domain.decision import Verdict

ALLOW, USAGE, DENY = 0, 2, 3

_HELP = {
    "action": f"What is asked for: {', '.join(words.ACTIONS)}.",
    "sector": f"Who asks: {', '.join(words.SECTORS)}.",
    "acts-for": "A sector the customer works for or resells to.",
    "requested-by": "A sector that asked for this very call.",
    "country": "Where the use happens: ISO 3166-1 alpha-2, upper case.",
    "region": "Its region: ISO 3166-2, such as US-WA.",
    "locality": "Its city as the pack spells it, such as 'Portland, OR'.",
    "seat-country": "Where the customer sits; as the use if left out.",
    "seat-region": "Its region; as the use if left out.",
    "purpose": f"What for: {', '.join(words.PURPOSES)}.",
    "mode": f"How: {', '.join(words.MODES)}.",
    "place": f"Where: {', '.join(words.PLACES)}.",
    "camera": f"With: {', '.join(words.CAMERAS)}.",
    "probe": f"What is compared: {', '.join(words.PROBES)}.",
    "capture": f"How it was taken: {', '.join(words.CAPTURES)}.",
    "minors": "May people under 18 be among the subjects? no, yes, unknown; default by purpose.",
    "legal-effect": "Does a decision with legal or similar effect rest on it? yes, no.",
    "organisation": "The verified name, for exceptions by name.",
    "verified": "Are the customer's facts verified? yes, no.",
    "grant": f"What the key's grant covers: {', '.join(whatif.GRANTS)}.",
    "authority": "FILE of a warrant, court order, exigency or judicial authorisation.",
    "law": "FILE of a law, as a what-if.",
    "paperwork": "FILE of what is on file for the use.",
    "consent": f"The basis for the people enrolled: {', '.join((*words.CONSENTS, whatif.WRITTEN))}.",
    "probe-basis": f"The basis for the person in the probe: {', '.join(words.PROBE_BASES)}.",
    "activity": f"The meter against mass surveillance: {', '.join(whatif.ACTIVITIES)}.",
    "model": f"Its evaluation: {', '.join(whatif.MODELS)}.",
    "on": "The day (UTC) or the RFC 3339 time; now if left out.",
    "pack": "Decide by exactly these packs and core; a fresh installation's if left out.",
}


def _flags(command: Callable[..., None]) -> Callable[..., None]:
    """One option per flag of the policy; all may repeat here, so that one given twice can be named as such."""
    for flag in reversed(whatif.FLAGS):
        says = _HELP[flag] + (" Repeatable." if flag in whatif.SETS else "")
        command = click.option(f"--{flag}", flag.replace("-", "_"), multiple=True, help=says)(command)
    return command


@click.command()
@_flags
@click.option("--matrix", type=click.Path(path_type=Path), help="CSV of asks: columns are flags without dashes.")
@click.option("--lifted", is_flag=True, help="With --matrix: also say what would lift each refusal.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: one document, or one line per row.")
def decide(matrix: Path | None, *, lifted: bool, as_json: bool, **flags: tuple[str, ...]) -> None:
    """Ask the policy what it would say, and why.

    Exit code 0: allowed; 3: denied; 2: the question could not be read.

    \b
    Examples:
      countenance decide --action provision --sector police --country US \\
          --purpose criminal-investigation --on 2020-06-12
      countenance decide --action identify --sector commercial --country DE --purpose access-control
      countenance decide --action provision --sector police --country US \\
          --purpose missing-persons --minors no --law us-face-act-2027.toml --on 2027-06-01 --json
      countenance decide --matrix asks.csv --json --pack microsoft-2020-strict
    """
    said = {name.replace("_", "-"): values for name, values in flags.items() if values}
    now = datetime.now(UTC)
    if matrix is not None:
        beside = Matrix(said, now, lifted, as_json)
        _usage(lambda: answer_matrix(matrix, beside))
        return
    if lifted:
        raise click.UsageError("--lifted goes with --matrix; a single answer always says what would lift it")
    question = _usage(lambda: service.question(said, now))
    verdict = service.verdict(question, lifts=True)
    body = wire.answer(verdict, question.facts.on, question.assumed)
    click.echo(json.dumps(body, ensure_ascii=False) if as_json else _story(verdict, body))
    click.get_current_context().exit(ALLOW if verdict.allowed else DENY)


def _usage(question: Callable[[], Any]) -> Any:
    """What cannot be read as a question ends with exit code 2, and says why."""
    try:
        return question()
    except BadInput as error:
        raise click.UsageError(error.message) from None


def _story(verdict: Verdict, body: Mapping[str, Any]) -> str:
    """The answer for a person: what, why, by which source, what would lift it, what was assumed."""
    colour, word = ("green", "ALLOWED") if verdict.allowed else ("red", "DENIED")
    by = ", ".join(name for name, _ in verdict.packs)
    lines = [f"{click.style(word, fg=colour, bold=True)} on {body['on']}, by {by}", ""]
    for reason in verdict.reasons:
        lines += [f"  {click.style(reason.id, bold=True)}", f"    {reason.says}"]
        lines += [f"    {reason.source}", f"    evidence: {packs.EVIDENCE[reason.evidence]}", ""]
    lines += [f"  {click.style('not understood', fg='red')}: {error}" for error in verdict.errors]
    lines += [f"  {click.style('duty', bold=True)}: {duty}" for duty in verdict.duties]
    if not verdict.allowed and not verdict.errors:
        ways = [lift.says for lift in verdict.lifted_when] or ["nothing that can change lifts this"]
        lines += [f"  {click.style('lifted', bold=True)} {way}" for way in ways]
    return "\n".join([*lines, "", click.style(f"  assumed: {', '.join(body['assumed'])}", dim=True)])
