"""A project for other orchestrators: a neutral graph of tasks, and one file per target."""
