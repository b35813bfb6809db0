"""From a photo of a person or a garment to every condition that HR-VITON needs."""
