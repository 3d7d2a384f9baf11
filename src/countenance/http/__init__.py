"""The doors: what other programs speak to. Wire shapes only, no logic: every answer comes from the service."""
