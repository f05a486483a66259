"""Triton's front end without a compiled Triton: a pure-Python stand-in for `triton._C.libtriton`.

Triton turns a kernel into IR by calling a builder. Here the builder is Python: it records the same
operations, checks them against a table, and hands them to fusion/lift.

    place       puts the stand-in where Triton looks for its native module
    library     the module object that Triton then imports
    builder, control, memory, tiles, elementwise
                the methods of `ir.builder`
    table       one row an operation: operands, results, types, constraints
    verifier    what MLIR would refuse, refused with the user's line
    types, attributes, values, structure
                what is recorded
    printer     MLIR's generic form, for people and as the oracle of the tests
    ready       recorded operations as fusion/lift takes them
    pointers, descriptors, blocks
                tensor descriptors and block pointers become pointers, as Triton's own passes make them
    specialise, interpreter, environment
                the rest of what the Python half of Triton asks its native half for
"""
