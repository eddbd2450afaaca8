"""From movies to deconvolved activity, plane by plane; suite2p is called here and nowhere else."""
