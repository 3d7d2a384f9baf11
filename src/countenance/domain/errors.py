"""Every error that may leave the house.

    CountenanceError
    ├── BadInput                what was sent cannot be used
    │   ├── BadImage            the picture's bytes: EmptyImage, UnsupportedImage, DamagedImage,
    │   │                       ImageTooLarge, TooManyPixels, ImageTooSmall, AnimatedImage
    │   ├── NoFace, SeveralFaces, PoorQuality
    │   ├── UnknownWord         a word outside its vocabulary
    │   ├── BodyTooLarge, UnsupportedBody, WrongMethod    a request that no door takes
    │   └── BadRecord           a file or record that does not parse: law, receipt, manifest, CSV
    ├── Unauthenticated         no key, an unknown one or a revoked one
    ├── NotFound                missing, or another tenant's: the same answer
    ├── Conflict                it exists already, or is in a state that forbids this
    │   ├── RepeatDiffers       the idempotency key stands for another request
    │   └── Incomplete          paperwork lacks what the law asks for; each item is named
    ├── Refused                  the gate said no; carries the decision and its receipt
    ├── Unavailable             try again later: Overloaded, UnderWay, TooOften
    │   └── LogUnavailable      no durable leaf could be written, so there is no answer: LogLocked, DiskFull
    ├── Misconfigured           the operator must act: ModelMissing, ModelAltered, NotCalibrated,
    │                           WrongMasterKey, MissingMasterKey, NotInitialised, ClockWentBack, LogDamaged,
    │                           LogRolledBack, StorageDamaged, BackupExpired, HalfRestored
    ├── InternalError           a defect of ours: no result was given, and the leaf says so
    └── Unverified              a receipt, checkpoint or ledger that does not hold

Each class has a stable `code`, whether the same call may succeed later (`retry`), and what a person should do
next (`next_step`). Messages are safe to show: no path of the server, no template, no name of a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from countenance.domain.decision import Decision


class CountenanceError(Exception):
    """Root of the tree. `message` is one safe sentence; `next_step` says what to do.

    receipt: proof that the ask behind this error is in the log, one line of base64url; empty where no leaf is owed.
    """

    code: ClassVar[str] = "error"
    retry: ClassVar[bool] = False
    default_next_step: ClassVar[str] = "Look the code up in docs/errors.md."

    def __init__(self, message: str, *, next_step: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step or self.default_next_step
        self.receipt = ""


class BadInput(CountenanceError):
    code = "bad-input"
    default_next_step = "Correct the input and send it again."


class BadImage(BadInput):
    code = "bad-image"
    default_next_step = "Send one still photograph as JPEG or PNG."


class EmptyImage(BadImage):
    code = "image-empty"


class UnsupportedImage(BadImage):
    code = "image-unsupported"


class DamagedImage(BadImage):
    code = "image-damaged"
    default_next_step = "The file ends early or is corrupt: send it again from its source."


class ImageTooLarge(BadImage):
    code = "image-too-large"
    default_next_step = "Send at most 5 MiB: save the photograph smaller or with more compression."


class TooManyPixels(BadImage):
    code = "image-too-many-pixels"
    default_next_step = "Send at most 25 megapixels: scale the photograph down."


class ImageTooSmall(BadImage):
    code = "image-too-small"
    default_next_step = "Send a photograph of at least 80 pixels on each side."


class AnimatedImage(BadImage):
    code = "image-animated"


class NoFace(BadInput):
    code = "no-face"
    default_next_step = "Send a photograph in which one face is large, lit and turned to the camera."


class SeveralFaces(BadInput):
    code = "several-faces"
    default_next_step = "Send a photograph of one person only, or crop it."


class PoorQuality(BadInput):
    code = "poor-quality"
    default_next_step = "Take the photograph again: closer, sharper, evenly lit, looking at the camera."


class UnknownWord(BadInput):
    code = "unknown-word"


class BadRecord(BadInput):
    code = "bad-record"


class BodyTooLarge(BadInput):
    code = "body-too-large"
    default_next_step = "Send less in one call: one photograph has at most 5 MiB."


class UnsupportedBody(BadInput):
    code = "body-unsupported"
    default_next_step = "Send a photograph as image/jpeg or image/png, or JSON as application/json."


class WrongMethod(BadInput):
    code = "wrong-method"
    default_next_step = "Use a method that the Allow header names."


class Unauthenticated(CountenanceError):
    """Nobody is there. `scheme` is how a caller shows who it is: with a bearer key, unless a door asks for another."""

    code = "unauthenticated"
    scheme: str = "Bearer"
    default_next_step = "Give a key that is still in force; the provider can issue one."


class NotFound(CountenanceError):
    code = "not-found"
    default_next_step = "Check the id and the key; list what this key can see."


class Conflict(CountenanceError):
    code = "conflict"


class RepeatDiffers(Conflict):
    code = "repeat-differs"
    default_next_step = "Send the first request as it was, or give this one an Idempotency-Key of its own."


class Incomplete(Conflict):
    code = "incomplete"
    default_next_step = "File what is missing: each item is named, and docs/washington.md says what it asks for."


class Refused(CountenanceError):
    """The gate said no. `decision` has the reasons and what would lift them; `receipt` proves the refusal."""

    code = "refused"
    default_next_step = "Read the reasons; `lifted_when` says what would have to change."

    def __init__(self, message: str, *, decision: Decision, receipt: str = "", next_step: str | None = None) -> None:
        super().__init__(message, next_step=next_step)
        self.decision = decision
        self.receipt = receipt


class Unavailable(CountenanceError):
    """Not now. `wait` says after how many seconds another try may help."""

    code = "unavailable"
    retry = True
    wait: int = 2
    default_next_step = "Try again in a few seconds."


class Overloaded(Unavailable):
    code = "overloaded"


class UnderWay(Unavailable):
    code = "under-way"
    default_next_step = "Send the same request again in a few seconds: then its answer is there."


class TooOften(Unavailable):
    code = "too-often"
    default_next_step = "Wait as long as `Retry-After` says, then try again."


class LogUnavailable(Unavailable):
    code = "log-unavailable"
    default_next_step = "No answer is given without a durable leaf: the operator must look at the ledger's disk."


class DiskFull(LogUnavailable):
    code = "disk-full"
    default_next_step = "Free space on the disk of the data folder, then start again."


class LogLocked(LogUnavailable):
    code = "log-locked"
    default_next_step = "Another process has this data folder open: stop it first."


class Misconfigured(CountenanceError):
    code = "misconfigured"
    default_next_step = "The operator must act before this can work."


class NotInitialised(Misconfigured):
    code = "not-initialised"
    default_next_step = "Run `countenance init` first."


class MissingMasterKey(Misconfigured):
    code = "master-key-missing"
    default_next_step = "Put the master key file back, or name it with --keys; without it nothing can be unsealed."


class WrongMasterKey(Misconfigured):
    code = "master-key-wrong"
    default_next_step = "Use the master key that this data folder was made with."


class ModelMissing(Misconfigured):
    code = "model-missing"
    default_next_step = "Install the model's package, or name your own copy in a manifest."


class ModelAltered(Misconfigured):
    code = "model-altered"
    default_next_step = "The file is not the one the manifest names: restore it or correct the manifest."


class NotCalibrated(Misconfigured):
    code = "model-not-calibrated"
    default_next_step = (
        "Make a calibration record for this model, put it beside the manifest and name it there: docs/accuracy.md."
    )


class ClockWentBack(Misconfigured):
    code = "clock-went-back"
    default_next_step = "Set the system's clock right; the log does not write into its own past."


class LogDamaged(Misconfigured):
    code = "log-damaged"
    default_next_step = "Run `countenance ledger fsck` on the folder and restore it from a published copy."


class LogRolledBack(Misconfigured):
    code = "log-rolled-back"
    default_next_step = (
        "Nothing is signed any more: put the newest copy of the ledger back, or see docs/witness.md for what was found."
    )


class StorageDamaged(Misconfigured):
    code = "storage-damaged"
    default_next_step = "What is stored is not what was written: restore the data folder from a backup."


class BackupExpired(Misconfigured):
    code = "backup-expired"
    default_next_step = "Restore a backup that has not expired, and destroy this one: people were told its last date."


class HalfRestored(Misconfigured):
    code = "half-restored"
    default_next_step = "Run `countenance backup restore` again, with the same backup: it begins anew and ends whole."


class Unverified(CountenanceError):
    code = "unverified"
    default_next_step = "Do not rely on it: ask who gave it to you for the original."


class InternalError(CountenanceError):
    code = "internal-error"
    default_next_step = "Report it with the receipt; the operator finds the cause in the server's own output."


def tree(root: type[CountenanceError] = CountenanceError) -> Iterator[type[CountenanceError]]:
    """Every class drawn above, the root first; none that another module derives."""
    yield root
    for child in root.__subclasses__():
        if child.__module__ == __name__:
            yield from tree(child)
