"""The client: the native API of a Countenance server, typed, in which no answer counts without its proof.

`Client` blocks and `AsyncClient` is for asyncio; `Administration` and `Applicant`, with theirs, are for people with
accounts and for who asks to be admitted. All verify each receipt offline against the log's key that they were given,
and never against one that the server names. Errors are those of `countenance.domain.errors`. It loads no model,
database or numpy. Source: docs/client.md.
"""

from countenance.client.door import AsyncClient, Client
from countenance.client.office import Administration, Applicant, AsyncAdministration, AsyncApplicant

__all__ = ["Administration", "Applicant", "AsyncAdministration", "AsyncApplicant", "AsyncClient", "Client"]
