"""The lazy frame of a node: its inputs, the views it inlines, its steps. Needs no Dagster."""
