"""Where in the image and by which neurons: saliency and importance."""
