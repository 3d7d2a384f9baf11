"""The demonstration: real photographs, the real house, and a story that checks itself as it is told.

It calls the same functions as every other door, through the same gate, and has no way of its own to an answer.
"""
