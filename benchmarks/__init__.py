"""Measurements, each a script that states its goals and exits 1 where one is missed."""
