"""HR-VITON for many pairs, several times as fast as the plain path.

The contract that must not break: `exact` equals the plain path up to float32 rounding; `fast` differs from it by less
than is visible (PSNR over 40 dB).
"""

from finetune.hr_viton.engine.encoded import GarmentFeatures, PersonFeatures
from finetune.hr_viton.engine.engine import Engine
from finetune.hr_viton.engine.grid import Rendered
from finetune.hr_viton.engine.settings import Counts, EngineSettings, Mode, fast_dtype

__all__ = ["Counts", "Engine", "EngineSettings", "GarmentFeatures", "Mode", "PersonFeatures", "Rendered", "fast_dtype"]
