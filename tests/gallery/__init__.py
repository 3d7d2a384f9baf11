"""Tests of the gallery: sealed references and the index."""
