"""HR-VITON: conditions of a person and a garment in, the try-on image out.

The contract that must not break: networks load the published checkpoints unchanged and equal them within 1e-4.
"""

from finetune.hr_viton.checkpoints import CheckpointError, convert_checkpoint, load_checkpoint, save_checkpoint
from finetune.hr_viton.condition_generator import ConditionGenerator, ConditionOutput
from finetune.hr_viton.conditions import Garments, Persons
from finetune.hr_viton.discriminators import ConditionDiscriminator, ImageDiscriminator
from finetune.hr_viton.image_generator import ImageGenerator
from finetune.hr_viton.noise import SeededNoise, fresh_noise
from finetune.hr_viton.rejection import Rejection
from finetune.hr_viton.sizes import PUBLISHED, SMALL, Sizes
from finetune.hr_viton.tryon import HRVITON, TryOn, TryOnSettings

__all__ = [
    "HRVITON",
    "PUBLISHED",
    "SMALL",
    "CheckpointError",
    "ConditionDiscriminator",
    "ConditionGenerator",
    "ConditionOutput",
    "Garments",
    "ImageDiscriminator",
    "ImageGenerator",
    "Persons",
    "Rejection",
    "SeededNoise",
    "Sizes",
    "TryOn",
    "TryOnSettings",
    "convert_checkpoint",
    "fresh_noise",
    "load_checkpoint",
    "save_checkpoint",
]
