"""Promises and laws as Cedar packs, and the judge that reads them. Source: docs/policy.md."""
