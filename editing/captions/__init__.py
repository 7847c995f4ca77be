"""What happens: the instruction as a temporal caption, written by a language model or by rules."""
