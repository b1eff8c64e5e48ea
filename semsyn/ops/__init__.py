"""Private: one folder per operation; `reference.py` is its definition, `op.py` what the compiler sees, `kernel.py` Triton."""
