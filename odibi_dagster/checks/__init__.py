"""What must hold: one contract is one file, with its parameters, its metrics and its judgement."""
