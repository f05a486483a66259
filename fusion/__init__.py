"""TTIR in, graph out: lifting, passes, what operations mean, which elements a launch touches. Runs nothing."""
