"""Training stage 2: the image generator and its discriminator, on conditions of a frozen condition generator.

The contract that must not break: on examples of one class a step equals the published one (`steps.ImageStep`) for the
same noise; conditions are made exactly as inference makes them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from finetune.augmentation import Scene
from finetune.family import Trained, Update, Values
from finetune.hr_viton.alignment import one_hot
from finetune.hr_viton.condition_generator import ConditionGenerator
from finetune.hr_viton.condition_stage import save_networks
from finetune.hr_viton.discriminators import ImageDiscriminator
from finetune.hr_viton.image_generator import SLOTS, ImageGenerator
from finetune.hr_viton.losses import ImageLossSettings, hinge, image_losses
from finetune.hr_viton.noise import SeededNoise
from finetune.hr_viton.recipe import Network, garments_of, held, perceptual_loss, persons_of, settings_of, started
from finetune.hr_viton.sizes import Sizes
from finetune.hr_viton.spectral_norm import SpectralConv2d
from finetune.hr_viton.tryon import HRVITON, TryOnSettings
from finetune.settings import RunSettings
from vitonhd.garment_classes import RULES

BETAS = (0.0, 0.9)
INITIAL_GAIN = 0.02


class DrawnNoise:
    """A norm's noise from each example's own seed, on the device; `salt` tells a step's forwards apart."""

    def __init__(self, seeds: Sequence[int], device: torch.device, salt: int = 0) -> None:
        self.seeds, self.device, self.salt = seeds, device, salt

    def __call__(self, norm: str, batch: int, height: int, width: int) -> Tensor:
        """As `noise.Noise`, on the device."""
        own = int.from_bytes(hashlib.sha256(f"{norm}\0{self.salt}".encode()).digest()[:6], "big")
        fields = []
        for seed in self.seeds:
            generator = torch.Generator(self.device).manual_seed(seed ^ own)
            fields.append(torch.randn(1, height, width, generator=generator, device=self.device))
        return torch.stack(fields)


class ImageStage:
    """Stage 2 (`generator`)."""

    name = "generator"
    monitor = "score"
    parts: tuple[str, ...] = ("image", "cloth", "cloth_mask", "densepose", "parse", "parse_agnostic", "agnostic")

    def __init__(self, settings: RunSettings) -> None:
        own = self.own = settings_of(settings)
        sizes = own.sizes
        generator = started(
            settings, "image_generator", ImageGenerator,
            lambda: fresh_generator(sizes, own.initial_gain),
        )  # fmt: skip
        for level in range(generator.levels + 1, 8):
            generator.get_submodule(f"conv_{level}").requires_grad_(False)  # read by nothing
        judge = started(
            settings, "image_discriminator", ImageDiscriminator,
            lambda: initialised(ImageDiscriminator(sizes.discriminator_width), INITIAL_GAIN),
        )  # fmt: skip
        self.trained = {
            "image_generator": Trained(generator, own.generator_rate or 1e-4, BETAS, averaged=True),
            "image_discriminator": Trained(judge, own.discriminator_rate or 4e-4, BETAS),
        }
        self.perceptual, self.facts = perceptual_loss(own)
        condition = started(settings, "condition_generator", ConditionGenerator, None)
        self.frozen: dict[str, nn.Module] = {"perceptual": self.perceptual, "condition_generator": condition}
        self._path = HRVITON(
            condition, generator,
            settings=TryOnSettings(composition=own.composition, condition_size=own.condition_pixels),
        )  # fmt: skip
        self.losses = ImageLossSettings(own.features, 10.0 if own.perceptual is None else own.perceptual)

    @torch.no_grad()
    def conditions(self, scene: Scene) -> tuple[Tensor, Tensor]:
        """Nx9xHxW and one-hot Nx7xHxW: what the generator is told."""
        garments, persons = garments_of(scene), persons_of(scene)
        aligned = [
            self._path.align(garments[part], persons[part], garment_class) for garment_class, part in scene.groups
        ]
        slots = torch.cat([one.slots for one in aligned])
        return torch.cat([one.image_conditions for one in aligned]), one_hot(slots, SLOTS)

    def step(self, networks: Mapping[str, nn.Module], scene: Scene, update: Update, number: int) -> Values:
        generator, judge = networks["image_generator"], networks["image_discriminator"]
        image, parse = self.conditions(scene)
        values: Values = {}
        made = None
        if number >= self.own.discriminator_first:
            made = generator(image, parse, DrawnNoise(scene.noise_seeds, image.device))
            with held(judge):
                made_results, real_results = judge_pictures(judge, parse, made, scene.image)
            losses = image_losses(made, scene.image, made_results, real_results, self.perceptual, self.losses)
            update("image_generator", losses.total)
            values |= vars(losses)
        if made is None or self.own.generated_anew:
            with torch.no_grad():
                made = generator(image, parse, DrawnNoise(scene.noise_seeds, image.device, salt=1))
        made_results, real_results = judge_pictures(judge, parse, made.detach(), scene.image)
        judged = hinge(made_results, real=False), hinge(real_results, real=True)
        update("image_discriminator", judged[0] + judged[1])
        values |= {"discriminator_made": judged[0], "discriminator_real": judged[1]}
        return {name: value.detach() for name, value in values.items()}

    def validate(self, networks: Mapping[str, nn.Module], scene: Scene) -> Values:
        image, parse = self.conditions(scene)
        made = networks["image_generator"](image, parse, SeededNoise(_keys(scene)))
        difference = (made - scene.image).abs() / 2
        worn = torch.zeros_like(difference[:, :1])
        for garment_class, part in scene.groups:
            labels = scene.parse.new_tensor(RULES[garment_class].labels)
            worn[part] = torch.isin(scene.parse[part], labels)[:, None].to(worn.dtype)
        inside = (difference * worn).sum((1, 2, 3)) / (3 * worn.sum((1, 2, 3))).clamp(min=1)
        whole = difference.mean((1, 2, 3))
        return {"l1": whole.mean(), "garment_l1": inside.mean(), "score": (whole + inside).mean()}

    def sheet(self, networks: Mapping[str, nn.Module], scene: Scene) -> Tensor:
        """Garment, agnostic, DensePose, warped garment, try-on, photo."""
        image, parse = self.conditions(scene)
        made = networks["image_generator"](image, parse, SeededNoise(_keys(scene)))
        return torch.stack((scene.cloth, image[:, :3], image[:, 3:6], image[:, 6:], made, scene.image), 1)

    def export(self, networks: Mapping[str, nn.Module], folder: Path) -> list[Path]:
        return save_networks(networks, folder)


def judge_pictures(
    judge: nn.Module, parse: Tensor, made: Tensor, real: Tensor
) -> tuple[list[list[Tensor]], list[list[Tensor]]]:
    """The discriminator's maps of made and of real pictures, from one pass: its spectral norms take one iteration."""
    results = judge(torch.cat((torch.cat((parse, made), 1), torch.cat((parse, real), 1))))
    halves = [[maps.chunk(2) for maps in scale] for scale in results]
    return [[one for one, _ in scale] for scale in halves], [[other for _, other in scale] for scale in halves]


def _keys(scene: Scene) -> list[str]:
    return [str(place) for place in range(len(scene))]


def fresh_generator(sizes: Sizes, gain: float) -> ImageGenerator:
    network = ImageGenerator(sizes.image_width, upsampling=sizes.upsampling, modulation_width=sizes.modulation_width)
    return initialised(network, gain) if gain else network


def initialised(network: Network, gain: float) -> Network:
    """As published: Xavier with that gain (0.02) for every convolution, biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_normal_(module.weight, gain)
        elif isinstance(module, SpectralConv2d):
            nn.init.xavier_normal_(module.weight_orig, gain)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    return network
