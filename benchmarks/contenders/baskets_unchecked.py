"""The plan of `workloads/validators.yaml`, written once and not checked: what checking adds to."""

from __future__ import annotations

from benchmarks.contenders.baskets import baskets, materialize

if __name__ == "__main__":
    materialize(baskets)
