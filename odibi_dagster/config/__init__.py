"""What the user wrote: YAML with positions, checked as a whole, resolved into a project."""
