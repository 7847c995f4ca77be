"""Everything that touches ComfyUI's samplers, MODEL, VAE, LATENT and CONDITIONING; the nodes are above it."""
