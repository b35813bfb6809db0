"""The drawing rules: conditions that follow from photo, parse and pose without a network."""
