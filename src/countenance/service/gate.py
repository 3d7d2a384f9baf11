"""The gate: one straight line from an ask to an answer, and the only way to either.

    1. gather the facts            grant, basis, model, the day
    2. ask the policy              allow means: Cedar said Allow and reported no error
    3. do the work                 only after an allow; it may ask again, when the meter speaks
    4. write the leaf              durable before anything is told: no leaf, no answer
    5. make the effect last        rows that an enrolment adds; never before the leaf
    6. answer, with the receipt

An administrative act of a person with an account takes the same line under the rules of roles.cedar
(`Gate.administer`): there 5 comes with 4, for what it changes and the debt of its leaf are one transaction.

A refusal takes 1, 2, 4, 6. Work that ends without a result (no face, no such subject) takes 1 to 4 with the
reason under `outside-policy`, and then raises. There is no switch that skips any of it, not even for tests.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from countenance.domain import ids
from countenance.domain.decision import NO_ASK, Decision, Facts
from countenance.domain.errors import CountenanceError, InternalError, LogUnavailable, Refused
from countenance.ledger import leaf, proof
from countenance.policy import cedar
from countenance.service.tally import Tally
from countenance.service.use import covered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from countenance.domain.decision import Act, Activity, Ask, Verdict
    from countenance.service.app import House
    from countenance.service.auth import Principal
    from countenance.service.inforce import Rules
    from countenance.service.onfile import OnRecord

T = TypeVar("T")
PLACE = "Apply again with --region and --seat-region, as `countenance init --for-myself` takes --region."
PLACE_TOO = "The region of use and seat is missing as well: naming it (--region, --seat-region) is needed, not enough."
APPLY = "Apply for a grant that covers it: `countenance customer apply --help`."
NEXT_STEPS = {
    "core.no-consent": "Put a basis on record: `countenance consent give SUBJECT --adult --until DATE`.",
    **{f"{law}.region-missing": PLACE for law in ("illinois-bipa", "washington-rcw-43.386")},
    "illinois-bipa.release": "Record releases in writing: `countenance consent give SUBJECT --manner in-writing ...`.",
    "core.unverified-identify": "Have the customer's facts checked by the provider: docs/admission.md.",
    "core.meter": "Tell the provider what the key was used for: two of its people have to look (docs/activity.md).",
    **{f"core.grant-{what}": APPLY for what in ("purpose", "mode", "place", "ended", "unapproved")},
}  # fmt: skip


def next_step(verdict: Verdict) -> str:
    """What to do about a refusal: the command that may help, or the one that shows the rule.

    To name a place is enough only where nothing else speaks against the ask; else it is said, and that it isn't.
    """
    steps = {reason.id: NEXT_STEPS.get(reason.id, "") for reason in verdict.reasons}
    others = [rule for rule, step in steps.items() if step != PLACE]
    if steps and not others:
        return PLACE
    pack = others[0].rpartition(".")[0] if others else "core"
    shown = f"Read the rule and its source: `countenance policy show {pack}`."
    step = next((steps[rule] for rule in others if steps[rule]), shown)
    return step if PLACE not in steps.values() else f"{step} {PLACE_TOO}"


@dataclass(frozen=True, slots=True)
class Answered(Generic[T]):
    """A result and the proof that it was allowed. `receipt`: one line, base64url."""

    result: T
    decision: Decision
    receipt: str
    index: int


@dataclass(frozen=True, slots=True)
class Private:
    """What the closed part of a leaf is about: who is bound to this leaf, for the day they leave."""

    customer: str = ""
    grant: str = ""
    key: str = ""
    collection: str = ""
    subject: str = ""
    account: str = ""
    matter: str = ""


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """What the work of an allowed ask came to.

    outcome: one word for the closed part. about: what the leaf is about, where the work found out. effect: rows to
    write once the leaf is durable; keep: what else is written with them, of what will be answered. settled: what
    memory does once those rows are committed.
    """

    result: T
    outcome: str
    subject: str = ""
    about: Private | None = None
    effect: Callable[[Connection], None] | None = None
    keep: Callable[[Connection, Answered[T]], None] | None = None
    settled: Callable[[], None] | None = None


@dataclass(slots=True)
class Permit:
    """An allow, in the hands of the work it allows. `observe` may turn it into a refusal.

    rules: what was in force when it was decided, to its end, whatever comes into force meanwhile.
    """

    rules: Rules
    ask: Ask
    facts: Facts
    verdict: Verdict

    def observe(self, seen: Activity) -> None:
        """Decide again with what the meter saw; one-to-many is judged as `identify`. Raises _Tripped."""
        if seen == self.facts.activity or not (seen.tripped or seen.one_to_many):
            return
        action = "identify" if seen.one_to_many and self.ask.action == "verify" else self.ask.action
        self.ask, self.facts = replace(self.ask, action=action), replace(self.facts, activity=seen)
        self.verdict = cedar.decide(self.rules.policies, self.ask, self.facts)
        if not self.verdict.allowed:
            raise _Tripped


@dataclass(frozen=True, slots=True)
class _Deed:
    """An administrative act that was decided."""

    act: Act
    on: datetime
    verdict: Verdict
    about: Private

    @property
    def decision(self) -> Decision:
        return Decision(NO_ASK, self.on, self.verdict, self.act)

    def words(self, outside: str = "") -> dict[str, leaf.Json]:
        reasons = tuple(reason.id for reason in self.verdict.reasons)
        return deed_words(self.act.name, self.act.by, self.act.roles, self.verdict.answer, reasons, outside)


def deed_words(
    act: str, by: str, roles: Iterable[str] = (), verdict: str = "allow", reasons: Iterable[str] = (), outside: str = ""
) -> dict[str, leaf.Json]:
    """The open words of an `administration` leaf; without roles and reasons for who is not asked theirs."""
    return {
        "act": act, "by": by, "roles": [*sorted(roles)], "verdict": verdict, "reasons": [*reasons],
        "outside-policy": outside,
    }  # fmt: skip


def decision_words(ask: Ask, verdict: Verdict, outside: str = "") -> dict[str, leaf.Json]:
    """The open words of a `decision` leaf, but for the digests of what decided."""
    return {
        "ask": leaf.ask_words(ask), "context": dict(verdict.context), "verdict": verdict.answer,
        "reasons": [reason.id for reason in verdict.reasons], "outside-policy": outside,
    }  # fmt: skip


class _Tripped(Exception):
    """The meter turned an allow into a deny in the middle of the work; never leaves this module."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate of one house."""

    house: House = field(repr=False)
    decided: Tally = field(default_factory=Tally, repr=False)

    def run(
        self,
        principal: Principal,
        ask: Ask,
        work: Callable[[Permit], Done[T]],
        *,
        about: Private,
        consent: str = "on-record",
        written: bool = False,
        problem: CountenanceError | None = None,
        authority: str = "",
    ) -> Answered[T]:
        """Answer one ask of an authenticated principal. Raises Refused, or what the work raised.

        written: everybody whose basis counts here consented in writing, after notice of purpose and term.
        problem: why no work can be done at all (no such subject); it gets its leaf like any other ask, and is raised.
        authority: the id of the one that the call names, which narrows it: what lies outside is not answered.
        """
        now = self.house.now()
        record = self.house.on_file.record(principal, ask, authority, about.collection, now)
        rules = self.house.in_force.at(now)
        activity = self.house.locks.standing(principal, ask.action)
        facts = self.facts(rules, principal, ask, consent, record)
        permit = self._decided(rules, ask, replace(facts, written_release=written, activity=activity))
        if problem is not None:
            raise self._unanswerable(permit, about, problem)
        if not permit.verdict.allowed:
            raise self._refused(permit, about)
        if record.outside is not None:
            raise self._unanswerable(permit, about, record.outside)
        try:
            done = work(permit)
        except _Tripped:
            if permit.facts.activity.tripped:
                self.house.locks.impose(principal, permit.facts.activity)
            raise self._refused(permit, about) from None
        except LogUnavailable:
            raise
        except CountenanceError as error:
            raise self._unanswerable(permit, about, error) from error.__cause__
        except Exception as error:
            broken = InternalError("something went wrong inside, and no result was given")
            raise self._unanswerable(permit, about, broken) from error
        index, receipt = self._write(permit, replace(about, subject=done.subject or about.subject), done.outcome)
        answered = Answered(done.result, self._decision(permit), receipt, index)
        if done.effect is not None:
            with self.house.database.begin() as connection:
                done.effect(connection)
                if done.keep is not None:
                    done.keep(connection, answered)
        if done.settled is not None:
            done.settled()
        return answered

    def admit(self, asks: Sequence[Ask], facts: Facts, about: Private) -> tuple[Answered[bool], ...]:
        """Decide an application: a leaf for every ask in it, and one answer each."""
        answers = []
        rules = self.house.in_force.at(facts.on)
        facts = replace(facts, laws=rules.laws)
        for ask in asks:
            permit = self._decided(rules, ask, facts, lifts=True)
            index, receipt = self._write(permit, about, "allowed" if permit.verdict.allowed else "refused")
            answers.append(Answered(permit.verdict.allowed, self._decision(permit), receipt, index))
        return tuple(answers)

    def administer(self, act: Act, about: Private, work: Callable[[], Done[T]]) -> Answered[T]:
        """Do one administrative act of an authenticated person. Raises Refused, or what the work raised.

        about: who, in the closed part, and what it is about so far as that is known before the work. What the work
        changes and the debt of its leaf are one transaction: it holds from then on, and nothing is told before the
        leaf is durable. A log that can't be written now gets the leaf at the next start. The leaf of what came to
        nothing names nothing that the work found or would have made.
        """
        on = self.house.now()
        deed = _Deed(act, on, self.house.roles.decide(act), about)
        if not deed.verdict.allowed:
            raise self._forbidden(deed)
        try:
            done = work()
            debt = self._owed(replace(deed, about=replace(done.about or about, account=about.account)), done)
        except LogUnavailable:
            raise
        except CountenanceError as error:
            raise self._came_to_nothing(deed, error) from error.__cause__
        except Exception as error:
            broken = InternalError("something went wrong inside, and no result was given")
            raise self._came_to_nothing(deed, broken) from error
        index, receipt = debt()
        if done.settled is not None:
            done.settled()
        return Answered(done.result, deed.decision, receipt, index)

    def note(self, kind: str, words: Mapping[str, leaf.Json], about: Private, outcome: str) -> tuple[int, str]:
        """A leaf that comes of no ask, or was owed: a withdrawal, an erasure, a start. Returns its index and receipt.

        Words may bring the digests of what decided, where that was before now.
        """
        opened = {"v": 1, "kind": kind, "time": self._hour(), **self.house.in_force.held.digests, **words}
        if kind == "administration":
            opened["policy"] = self.house.roles.digest  # the rules that decided, as in every leaf
        return self._append(opened, about, outcome)

    def facts(
        self, rules: Rules, principal: Principal, ask: Ask, consent: str, record: OnRecord, at: datetime | None = None
    ) -> Facts:
        """Everything the rules read, from the grant and the server's own records.

        record: of what was filed; at: another time than now.
        """
        now = at or self.house.now()
        return Facts(
            on=now,
            model=self.house.model_facts(now),
            verified=principal.customer.verified(now),
            organisation=principal.customer.name,  # opens what is excepted by name only with `verified`
            grant=covered(principal.grant, ask, ids.utc(now)),
            laws=rules.laws,
            authority=record.authority,
            paperwork=record.paperwork,
            consent=consent,
            rests_on=tuple(principal.customer.rests_on(now).items()),
        )

    def _decided(self, rules: Rules, ask: Ask, facts: Facts, *, lifts: bool = False) -> Permit:
        return Permit(rules, ask, facts, cedar.decide(rules.policies, ask, facts, lifts=lifts))

    def _refused(self, permit: Permit, about: Private) -> Refused:
        """A refusal: its leaf first, then what would lift it, which no leaf needs."""
        _, receipt = self._write(permit, about, "refused")
        lifted = cedar.decide(permit.rules.policies, permit.ask, permit.facts, lifts=True)
        permit.verdict = replace(permit.verdict, lifted_when=lifted.lifted_when)
        says = "; ".join(reason.says for reason in permit.verdict.reasons) or "; ".join(permit.verdict.errors)
        decision = self._decision(permit)
        return Refused(f"refused: {says}", decision=decision, receipt=receipt, next_step=next_step(permit.verdict))

    def _owed(self, deed: _Deed, done: Done[T]) -> Callable[[], tuple[int, str]]:
        """Make what was done hold, and give what writes its leaf: at once, or a debt where it changes something."""
        from countenance.service import owed  # which builds on this module

        effect = done.effect
        if effect is None:
            return lambda: self.note("administration", deed.words(), deed.about, done.outcome)
        with self.house.database.begin() as connection:
            effect(connection)
            debt = owed.owe(connection, "administration", deed.words(), deed.about, done.outcome, deed.on)
        return lambda: owed.pay_proven(self.house, debt)

    def _forbidden(self, deed: _Deed) -> Refused:
        _, receipt = self.note("administration", deed.words(), deed.about, "refused")
        says = "; ".join((*(reason.says for reason in deed.verdict.reasons), *deed.verdict.errors))
        step = "Ask somebody whose account has the role for it: docs/accounts.md."
        return Refused(f"refused: {says}", decision=deed.decision, receipt=receipt, next_step=step)

    def _came_to_nothing(self, deed: _Deed, error: CountenanceError) -> CountenanceError:
        """The same error, with the receipt of this leaf, unless it has the receipt of a decision of its own."""
        _, receipt = self.note("administration", deed.words(error.code), deed.about, "none")
        error.receipt = error.receipt or receipt
        return error

    def _unanswerable(self, permit: Permit, about: Private, error: CountenanceError) -> CountenanceError:
        """The same error, with the receipt of its leaf."""
        _, error.receipt = self._write(permit, about, "none", error.code)
        return error

    def _decision(self, permit: Permit) -> Decision:
        return Decision(permit.ask, permit.facts.on, permit.verdict, rests_on=permit.facts.rests_on)

    def _write(self, permit: Permit, about: Private, outcome: str, outside: str = "") -> tuple[int, str]:
        words = decision_words(permit.ask, permit.verdict, outside)
        opened = {"v": 1, "kind": "decision", "time": self._hour(), **words, **permit.rules.digests}
        written = self._append(opened, about, outcome)
        self.decided.add(permit.verdict.answer)
        return written

    def _append(self, opened: dict[str, leaf.Json], about: Private, outcome: str) -> tuple[int, str]:
        nonce = secrets.token_bytes(leaf.NONCE_SIZE)
        closed = leaf.canonical(
            {
                "customer": about.customer,
                "grant": about.grant,
                "key": about.key,
                "collection": about.collection,
                "subject": about.subject,
                "account": about.account,
                "matter": about.matter,
                "outcome": outcome,
                "time": ids.utc(self.house.now()),
                "request": ids.new("request"),
            }
        )
        entry = leaf.encode({**opened, "commitment": leaf.commitment(closed, nonce)})
        appended = self.house.log.append(entry, (about, nonce, closed))
        return appended.index, proof.Receipt(appended.proof, nonce, closed).line()

    def _hour(self) -> str:
        return ids.utc(self.house.now().replace(minute=0, second=0, microsecond=0))
