"""Random well-formed Triton kernels: what they are made of, how they are run, compared and shrunk."""
