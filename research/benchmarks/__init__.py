"""What the pack's claims of speed and memory rest on; every script prints its table again on your machine."""
