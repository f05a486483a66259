"""Ordinary Triton kernels, each with a small function on mx.arrays that launches it.

Nothing in these files knows about triton-mlx: they import mlx and triton alone, and a kernel is
launched as anywhere else, with `kernel[grid](...)`.
"""
