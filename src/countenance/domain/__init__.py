"""The words of the house: plain frozen values, no I/O, nothing but the standard library and numpy."""
