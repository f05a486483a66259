"""Everything that touches Triton, MLX, files, processes and the user. The Triton plug-in lives here."""
