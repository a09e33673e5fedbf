"""The code of a piece of work: which files and versions decide it, and the archive that carries them."""
