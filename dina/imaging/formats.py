"""Which files are movies, by the end of their names; light, since parsing the workflow asks it."""

TIFF_SUFFIXES = {".tif", ".tiff", ".btf", ".tf8"}
HDF5_SUFFIXES = {".h5", ".hdf5", ".hdf", ".nwb"}
NWB_SUFFIX = ".nwb"
