"""Development and command line: find and start a ComfyUI, talk to it, edit an image with it. Not loaded by ComfyUI."""
