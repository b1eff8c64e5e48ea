"""Benchmarks: what is measured and how is in docs/benchmarks.md."""
