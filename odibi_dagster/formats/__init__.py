"""How one storage format is scanned, conformed, staged and published: one file each."""
