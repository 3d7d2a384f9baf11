"""The words that a leaf may be written with. Readers accept any word of the right form: later versions have more.

Words of an ask are those of docs/policy.md, acts and roles those of docs/accounts.md; tests hold them to the policy's.
"""

from __future__ import annotations

_SECTORS = frozenset({
    "police", "sheriff", "federal-law-enforcement", "border-control", "corrections", "prosecution", "intelligence",
    "military", "public-agency", "emergency-service", "commercial", "nonprofit", "research", "individual",
})  # fmt: skip
_PURPOSES = frozenset({
    "identity-verification", "access-control", "venue-entry", "account-recovery", "fraud-prevention", "attendance",
    "exam-proctoring", "patient-identification", "photo-organisation", "event-photos", "self-exclusion",
    "missing-persons", "trafficking-rescue", "deceased-identification", "border-crossing", "benefits-eligibility",
    "credit", "housing", "employment", "education", "health-care", "insurance", "marketing", "research-evaluation",
    "independent-testing", "demonstration", "criminal-investigation", "immigration-enforcement",
    "public-space-monitoring", "watchlist-exclusion", "mass-surveillance", "racial-profiling", "rights-violation",
    "untargeted-scraping",
})  # fmt: skip
WORDS: dict[str, frozenset[str]] = {
    "action": frozenset({
        "provision", "enrol", "verify", "identify", "detect", "analyse", "track", "export", "test", "disclose",
    }),
    "sector": _SECTORS,
    "acts-for": _SECTORS,
    "requested-by": _SECTORS,
    "purpose": _PURPOSES,
    "mode": frozenset({"one-off", "post", "near-real-time", "real-time", "ongoing", "persistent"}),
    "place": frozenset({"private", "own-device", "public-accommodation", "publicly-accessible"}),
    "camera": frozenset({"none", "fixed", "mobile"}),
    "probe": frozenset({"photograph", "video-frame", "sketch", "composite", "generated"}),
    "capture": frozenset({"attended", "device-attested", "pad-evaluated", "unattended", "unknown"}),
    "minors": frozenset({"no", "yes", "unknown"}),
    "legal-effect": frozenset({"yes", "no"}),
}  # fmt: skip
"""The vocabulary a leaf may be written with (docs/policy.md). Readers accept any word of the right form."""

ACTS = frozenset({
    "account-end", "account-list", "account-register", "agency-register", "application-approve", "application-list",
    "application-make", "application-refuse", "application-show", "challenge-answer", "challenge-look",
    "challenge-make", "decision-list", "demand-answer", "demand-list", "demand-record", "facts-change", "facts-show",
    "figures-show", "grant-end", "grant-list", "key-issue", "key-list", "key-revoke", "law-object", "law-propose",
    "law-record", "law-repeal", "law-sign", "lock-impose", "lock-list", "lock-look", "policy-approve", "policy-list",
    "policy-propose", "policy-resume", "policy-show", "policy-stop", "policy-withdraw", "schedule-list", "statute-file",
    "statute-list", "statute-mitigate", "statute-show", "statute-write", "verification-list", "verification-record",
    "verification-withdraw",
})  # fmt: skip
"""What may be administered: the acts of policy/roles.cedarschema, word for word."""

BY = frozenset({"provider", "customer", "applicant", "key", "machine"})
"""As what: people of the provider or of a customer, who are asked their roles; else what was held."""

ROLES = frozenset({"operator", "approver", "reviewer", "auditor", "assessor"})
"""What an account may be for (docs/accounts.md)."""

FILINGS = frozenset({
    "authority", "change", "comment", "disclosed", "disclosure", "draft", "ending", "exemption", "extension",
    "independent-test", "issue", "meeting", "mitigation", "notice", "operational-test", "operators", "publication",
    "reviewer", "ruling", "training", "warrant-application",
})  # fmt: skip
"""What may be filed under a statute: the kinds of statute/papers.py, word for word."""

KINDS: dict[str, tuple[str, ...]] = {
    "decision": ("ask", "context", "verdict", "reasons", "outside-policy"),
    "grant": ("sector", "country", "purposes", "modes", "places"),
    "revocation": ("of", "undoes"),
    "consent": ("purpose", "basis"),
    "withdrawal": ("purpose", "undoes"),
    "erasure": ("undoes",),
    "sweep": ("because",),
    "administration": ("act", "by", "roles", "verdict", "reasons", "outside-policy"),
    "access": (),
    "complaint": (),
    "start": (),
    "policy-change": ("step", "change", "before", "after", "loosens", "notice", "keys"),
    "law": ("step", "record", "notice", "keys", "outside"),
    "backup": ("step", "backup", "until"),
    "filing": ("filed", "document"),
    "log-key": ("vkey", "until"),
    "schedule": ("day", "because", "becomes", "sectors", "countries", "purposes"),
}
"""The closed table of kinds, and the keys that each has besides those of every leaf. A new kind needs a new version."""

STEPS: dict[str, tuple[str, ...]] = {
    "backup": ("made", "ended", "restored"),
    "policy-change": ("proposed", "approved", "withdrawn", "in-force", "stopped", "resumed"),
    "law": ("proposed", "signed", "objected", "recorded", "repealed", "superseded"),
}
"""By kind: what may have come about."""
