"""The meter against mass surveillance: what a key, its customer and a network address do, not what they say they do.

Purposes are declared and checked by the gate; this room watches behaviour. `meter` is its front; `sketches` tells
whether two probes show one person, in memory and for an hour at most; `scopes` counts; `pattern` says from which counts
on the measures are what a rule of `core` forbids. It never decides and never keeps a face. Source: docs/activity.md.
"""
