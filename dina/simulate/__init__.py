"""A virtual microscope: scenes, cells, calcium and optics with known truth."""
