"""Pages for people, rendered here: they load nothing from elsewhere and need no script."""
