"""What microscopes write, behind one lazy interface: a file is a row of pages, read when they are asked for."""
