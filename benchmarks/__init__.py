"""Benchmarks of this library against hand-written code and other tools; see docs/benchmarks.md."""
