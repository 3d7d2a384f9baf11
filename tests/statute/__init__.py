"""Chapter 43.386 RCW as pure functions."""
