"""The tests, a folder for each room. They patch nothing of ours and need no network."""
