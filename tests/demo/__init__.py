"""The demonstration: its portraits, its page, and a whole story on faces that nobody has."""
