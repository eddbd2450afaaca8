"""Where in the image and by which neurons: saliency and importance, sets of neurons, and where towers agree."""
