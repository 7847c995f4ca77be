"""The tabletop world: its scenes and their truth, its phrases, and the embedded model in plain torch."""
