"""Which frame is the edited image: measured curves, a language model's choice, the collage and the plot."""
