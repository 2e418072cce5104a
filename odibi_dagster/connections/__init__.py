"""Where: a connection resolved with a path or a table is a location."""
