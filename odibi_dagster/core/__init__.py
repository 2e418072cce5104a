"""The words everyone uses: model base, registry, units, clock, names, frames."""
