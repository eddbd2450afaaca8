"""Doors out of the road: NWB files, folders for suite2p's interface, models that others can open, xarray."""
