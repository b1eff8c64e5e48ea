"""Private: a folder per operation; `reference.py` is its definition, `op.py` what the compiler sees."""
