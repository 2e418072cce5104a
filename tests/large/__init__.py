"""Large inputs without large data: it works, or a typed error says why not, before harm."""
