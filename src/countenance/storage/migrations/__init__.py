"""The steps from one schema to the next, run by `storage.db` and by nothing else."""
