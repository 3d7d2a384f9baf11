"""Does one policy set open a door that another keeps shut? The careful answer, from the rules' own text.

A set is no looser than another where it has every `forbid` of it, word for word, no `permit` that the other lacks, word
for word, and every `permit` of it that obliges to something: then whatever it allows the other allowed, and under no
more duties. Everything else may loosen, and counts as loosening until somebody shows otherwise. A reading that is
renewed (a later `stale_after`) may loosen too. It decides no ask.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from countenance.policy import places

if TYPE_CHECKING:
    from countenance.policy.cedar import PolicySet


def may_loosen(old: PolicySet, new: PolicySet) -> bool:
    """Whether `new` might allow what `old` denies, as far as their texts show."""
    return bool(reasons(old, new))


def reasons(old: PolicySet, new: PolicySet) -> tuple[str, ...]:
    """Sentences that name each rule or date by which `new` might allow more; none: it is no looser."""
    before, after = _texts(old), _texts(new)
    found = [f"{name} is gone or says something else" for name, (effect, text) in before.items()
             if effect == "forbid" and after.get(name) != (effect, text)]  # fmt: skip
    found += [f"{name} permits what was not permitted by it" for name, (effect, text) in after.items()
              if effect == "permit" and before.get(name) != (effect, text)]  # fmt: skip
    found += [f"{name} is gone, and what it obliged to" for name, rule in old.rules.items()
              if rule.effect == "permit" and rule.duties and name not in after]  # fmt: skip
    if new.good_until > old.good_until:
        found.append(f"its reading counts until {new.good_until}, no longer until {old.good_until}")
    return tuple(found)


def _texts(policies: PolicySet) -> dict[str, tuple[str, str]]:
    """By id: effect and bare text of each rule."""
    pieces = [piece.text for file in policies.files for piece in places.pieces(file.text)]
    rules = zip(policies.rules.items(), pieces, strict=True)
    return {name: (rule.effect, _bare(text)) for (name, rule), text in rules}


def _bare(text: str) -> str:
    """A rule without comments, spacing, and the annotations that decide nothing."""
    found = _SPACES_OR_TEXT.sub(lambda match: match[1] or " ", text)
    return " ".join(_SAYS.sub("", found).split())


_SPACES_OR_TEXT = re.compile(r'("(?:\\.|[^"\\\n])*")|//[^\n]*|\s+')
_SAYS = re.compile(r'@(?:says|source|evidence)\s*\(\s*"(?:\\.|[^"\\\n])*"\s*\)')
