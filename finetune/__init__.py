"""Try-on networks and their training.

The contract that must not break: nothing here knows a shop, a database or a file tree; it takes and gives tensors and
checkpoints, and imports `vitonhd` only.
"""
