"""How a picture is framed: what of the person a photo of each garment class shows.

The contract that must not break: the whole target garment is inside the frame.
"""

from __future__ import annotations

import numpy as np

from studio.person import Person
from studio.raster import Camera
from vitonhd.garment_classes import GarmentClass


def frame(garment_class: GarmentClass, person: Person, width: int, height: int, rng: np.random.Generator) -> Camera:
    """Tops from the head to mid-thigh, bottoms from the chest or the head to the floor, dresses head to floor."""
    joints, top = person.body.joints, float(person.body.vertices[:, 2].max()) + 0.06
    low = -0.05
    if garment_class is GarmentClass.UPPER:
        low = float(joints[[9, 12], 2].mean()) - rng.uniform(0.2, 0.3)
    elif garment_class is GarmentClass.LOWER and rng.random() < 0.4:
        top = float(joints[1, 2]) + rng.uniform(-0.1, 0.05)
    body_width = float(np.ptp(person.body.vertices[:, 0])) + 0.1
    span = max(top - low, body_width * height / width) * rng.uniform(1.02, 1.08)
    middle = (top + low) / 2 if span < 1.3 * (top - low) else low + span / 2
    x = float(person.body.vertices[:, 0].min() + person.body.vertices[:, 0].max()) / 2
    return Camera(width, height, x + rng.uniform(-0.02, 0.02), middle, rng.uniform(3.5, 5.0), span)
