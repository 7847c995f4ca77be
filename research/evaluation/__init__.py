"""Scores of the whole chain on scenes of the world whose truth is known."""
