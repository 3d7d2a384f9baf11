"""Tests of files, database and vault."""
