"""The method itself: plain torch, numpy and Pillow, usable without ComfyUI."""
