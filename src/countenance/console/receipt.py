"""The page that checks a receipt in the browser: one text, whole in itself, that may not connect to anything.

It is made once, here: the script gets the closed tables of the leaf's schema from the modules that the log writes by,
so that the two can't part. The policy stands in the page too, for who saves it and opens the file. It sees no receipt.
Sources: ledger/proof.py, which receipt.js mirrors; CSP Level 3; Web Cryptography, "Ed25519".
"""

from __future__ import annotations

import json

from countenance.console.parts import CLOSED, STYLE, read, source
from countenance.ledger import leaf, note, proof, vocabulary

WORDS = {
    **{name: getattr(proof, name) for name in (
        "PROOF_HEADER", "RECEIPT_HEADER", "MAX_RECEIPT", "MAX_LINE", "MAX_PATH")},
    **{name: getattr(note, name) for name in ("MAX_NOTE", "MAX_SIGNATURES")},
    **{name: getattr(leaf, name) for name in (
        "VERSION", "NONCE_SIZE", "MAX_LEAF", "MAX_CLOSED", "MAX_UNDONE", "MAX_VKEY", "UNRECOGNISED", "MOST_NOTICE",
        "ALWAYS", "CLOSED")},
    **{name: getattr(vocabulary, name) for name in ("KINDS", "STEPS")},
    **{name: sorted(getattr(vocabulary, name)) for name in ("ACTS", "BY", "ROLES", "FILINGS")},
}  # fmt: skip
SCRIPT = f"const WORDS = {json.dumps(WORDS, sort_keys=True)};\n{read('receipt.js')}"

IN_PAGE = (
    f"default-src 'none'; script-src {source(SCRIPT)}; style-src {source(STYLE)}; connect-src 'none'; "
    "base-uri 'none'; form-action 'none'"
)
"""What a page can say of itself."""
POLICY = f"{IN_PAGE}; {CLOSED.split('; ')[-1]}"
"""What is said when it is served."""


def _made() -> bytes:
    text = read("receipt.html")
    for mark, whole in (("@POLICY@", IN_PAGE), ("@STYLE@", STYLE), ("@SCRIPT@", SCRIPT)):
        text = text.replace(mark, whole)
    return text.encode()


PAGE = _made()
"""UTF-8."""
