"""Fusion across launches: records of launches, proofs about them, and the functions they become."""
