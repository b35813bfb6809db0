"""How a picture is framed: what of the person a photo of each garment class shows.

The contract that must not break: the whole target garment is inside the frame.
"""

from __future__ import annotations

import numpy as np

from studio.body import LEGS, template
from studio.person import Person
from studio.raster import Camera
from vitonhd.garment_classes import GarmentClass

_SOLE = 0.085
"""Room for soles and the shadow below the feet, metres."""


def frame(garment_class: GarmentClass, person: Person, width: int, height: int, rng: np.random.Generator) -> Camera:
    """Tops from the head to mid-thigh; bottoms from the waist, the chest or the head to the floor; dresses all."""
    joints, body = person.body.joints, person.body.vertices
    top = float(body[:, 2].max()) + 0.03 + person.hair.height
    low, shown = -_SOLE, body
    if garment_class is GarmentClass.UPPER:
        low = float(joints[[9, 12], 2].mean()) - rng.uniform(0.2, 0.3)
        shown = body[template().part_weights[:, LEGS].sum(axis=1) < 0.5]
    elif garment_class is GarmentClass.LOWER and rng.random() < 0.6:
        top = float(joints[8, 2] + rng.uniform(0.32, 0.62) * (joints[0, 2] - joints[8, 2]))
    left, right = float(shown[:, 0].min()) - 0.05, float(shown[:, 0].max()) + 0.05
    span = max(top - low, (right - left) * height / width) * rng.uniform(1.0, 1.05)
    middle = (top + low) / 2 if span < 1.3 * (top - low) else low + span / 2
    return Camera(width, height, (left + right) / 2 + rng.uniform(-0.015, 0.015), middle, rng.uniform(3.5, 5.0), span)
