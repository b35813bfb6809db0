"""HR-VITON as the trainer sees it: its stages by name.

The contract that must not break: stages are named as commands and `params.yaml` name them.
"""

from __future__ import annotations

from finetune.family import register
from finetune.hr_viton.condition_stage import ConditionStage, RejectionStage
from finetune.hr_viton.image_stage import ImageStage

NAME = "hr-viton"
register(NAME, {"condition": ConditionStage, "discriminator": RejectionStage, "generator": ImageStage})
