"""What to do: one step is one file, with its parameters and its `apply`."""
