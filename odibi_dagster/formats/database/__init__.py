"""How tables of a database are read, loaded and published; each database in a file of its own.

These modules import SQLAlchemy: `formats/sql.py` imports them when a database is used.
"""
