"""Benchmarks: what is measured and how is in docs/benchmarks.md."""

from semsyn.bench.generators import bench_generators
from semsyn.bench.ops import bench_ops
from semsyn.bench.rows import Row
from semsyn.bench.training import bench_training

__all__ = ["Row", "bench_generators", "bench_ops", "bench_training"]
