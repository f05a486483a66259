"""Graph in, source out: layouts, order of work, statements. Knows no arrays and no Triton objects."""
