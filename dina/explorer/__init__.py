"""One recording to walk about in: latent maps, neurons and images, on a page that opens offline."""
