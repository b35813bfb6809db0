"""A plain folder of photos, of people and of garments, as a VITON-HD tree."""
