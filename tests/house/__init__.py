"""What holds of the house as a whole: its layers, its size, its words, its documents, its commands."""
