"""Dataset releases: pairing, splits, snapshot, build, checkout, diff, card, and publishing with DVC."""
