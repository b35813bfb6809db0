"""How good try-ons are: measures by a fixed protocol, intervals over garments, a report page, comparisons.

The contract that must not break: no number without its protocol, and a measure that can't be computed is named.
"""

from finetune.evaluation.cases import Case, TestSet, choose, find_sets
from finetune.evaluation.comparison import compare
from finetune.evaluation.errors import EvaluationError
from finetune.evaluation.evaluation import EvaluationOrder, evaluate
from finetune.evaluation.networks import Networks, load_networks
from finetune.evaluation.protocol import PROTOCOL, Weights
from finetune.evaluation.rendering import CheckpointPair, RenderOrder, render_cases
from finetune.evaluation.results import Results

__all__ = [
    "PROTOCOL",
    "Case",
    "CheckpointPair",
    "EvaluationError",
    "EvaluationOrder",
    "Networks",
    "RenderOrder",
    "Results",
    "TestSet",
    "Weights",
    "choose",
    "compare",
    "evaluate",
    "find_sets",
    "load_networks",
    "render_cases",
]
