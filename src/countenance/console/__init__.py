"""Pages for people, rendered here: they load nothing from elsewhere. One alone needs a script, which it carries."""
