"""`python -m triton_mlx bench`: what is measured and counted, held against a committed baseline."""
