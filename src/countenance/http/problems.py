"""Errors on the wire: each class of the house's tree as `application/problem+json`, with one status.

It decides nothing and tells nothing that the error does not: code, sentence, what to do next, whether the same call
may succeed later, and the receipt where a leaf is owed. Source: RFC 9457; docs/errors.md has the codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse

from countenance.domain import errors
from countenance.domain.errors import CountenanceError, Refused, Unauthenticated, Unavailable
from countenance.service import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA = "application/problem+json"
RECEIPT = "Countenance-Receipt"

STATUS: Mapping[type[CountenanceError], int] = {
    errors.CountenanceError: 500,
    errors.BadInput: 400,
    errors.BadImage: 422,
    errors.EmptyImage: 422,
    errors.UnsupportedImage: 415,
    errors.DamagedImage: 422,
    errors.ImageTooLarge: 413,
    errors.TooManyPixels: 422,
    errors.ImageTooSmall: 422,
    errors.AnimatedImage: 422,
    errors.NoFace: 422,
    errors.SeveralFaces: 422,
    errors.PoorQuality: 422,
    errors.UnknownWord: 400,
    errors.BadRecord: 400,
    errors.BodyTooLarge: 413,
    errors.UnsupportedBody: 415,
    errors.WrongMethod: 405,
    errors.Unauthenticated: 401,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.RepeatDiffers: 422,
    errors.Incomplete: 409,
    errors.Refused: 403,
    errors.Unavailable: 503,
    errors.Overloaded: 503,
    errors.UnderWay: 409,
    errors.TooOften: 429,
    errors.LogUnavailable: 503,
    errors.DiskFull: 503,
    errors.LogLocked: 503,
    errors.Misconfigured: 503,
    errors.NotInitialised: 503,
    errors.MissingMasterKey: 503,
    errors.WrongMasterKey: 503,
    errors.ModelMissing: 503,
    errors.ModelAltered: 503,
    errors.NotCalibrated: 503,
    errors.ClockWentBack: 503,
    errors.LogDamaged: 503,
    errors.LogRolledBack: 503,
    errors.StorageDamaged: 503,
    errors.BackupExpired: 503,
    errors.HalfRestored: 503,
    errors.InternalError: 500,
    errors.Unverified: 422,
}
"""One row a class; a test holds it to be whole."""

TITLES = {
    400: "This cannot be read",
    401: "Nobody here by this key",
    403: "Refused",
    404: "Not found",
    405: "Not this method",
    408: "Too slow",
    409: "Not in this state",
    413: "Too large",
    415: "Not this kind",
    421: "Not to this door",
    422: "This cannot be used",
    429: "Too often",
    431: "Too much in the headers",
    500: "A defect of ours",
    503: "Not now",
}


def problem(error: CountenanceError, request: str = "", status: int = 0) -> dict[str, Any]:
    """The document. request: the id of the request, to be named to the operator; empty where there is none."""
    status = status or STATUS[type(error)]
    body: dict[str, Any] = {
        "type": f"urn:countenance:error:{error.code}",
        "title": TITLES[status],
        "status": status,
        "code": error.code,
        "detail": error.message,
        "next_step": error.next_step,
        "retry": error.retry,
    }
    if request:
        body["request"] = request
    if isinstance(error, Refused):
        body["decision"] = shown.decision(error.decision)
    if error.receipt:
        body["receipt"] = error.receipt
    return body


def response(
    error: CountenanceError, request: str = "", headers: Mapping[str, str] | None = None, status: int = 0
) -> JSONResponse:
    """The whole answer to a call that came to this error. status: in place of its class's, where given."""
    body = problem(error, request, status)
    sent = {"Cache-Control": "no-store", **(headers or {})}
    if error.receipt:
        sent[RECEIPT] = error.receipt
    if body["status"] == 401:
        sent["WWW-Authenticate"] = error.scheme if isinstance(error, Unauthenticated) else Unauthenticated.scheme
    if error.retry:
        sent["Retry-After"] = str(error.wait if isinstance(error, Unavailable) else Unavailable.wait)
    return JSONResponse(body, body["status"], sent, MEDIA)
