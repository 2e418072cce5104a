"""What is measured: one file is one contender, run as a fresh process of the tool's own Python."""
