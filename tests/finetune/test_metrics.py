"""SSIM, PSNR, LPIPS, FID and KID against reference implementations on fixed inputs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
from skimage.metrics import structural_similarity
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure
from torchmetrics.functional.image.lpips import _LPIPS

from finetune.evaluation.distributions import fid, kid, kid_interval
from finetune.evaluation.errors import EvaluationError
from finetune.evaluation.fidelity import grey_ssim, masked_mean, psnr, ssim_map
from finetune.evaluation.garment_likeness import colour_distance, embedding_input
from finetune.evaluation.published import LPIPS, Inception, inception_input, load_embedding
from vitonhd.arrays import Picture

TOLERANCE = 1e-4


def pictures(seed: int, height: int = 96, width: int = 72) -> tuple[Picture, Picture]:
    """A smooth picture with edges, and it again with noise and other light."""
    chance = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / height
    waves = [np.sin(2 * np.pi * (3 * x * (c + 1) + 2 * y + chance.random())) for c in range(3)]
    true = 127 + 100 * np.stack(waves, axis=2)
    true[20:50, 10:40] = chance.integers(0, 255, 3)
    made = 0.9 * true + 8 + chance.normal(0, 12, true.shape)
    return made.clip(0, 255).astype(np.uint8), true.clip(0, 255).astype(np.uint8)


def batch(picture: Picture) -> torch.Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None].double()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("size", [(96, 72), (17, 31)])
def test_ssim_and_psnr_are_torchmetrics(seed: int, size: tuple[int, int]) -> None:
    made, true = pictures(seed, *size)
    wanted = structural_similarity_index_measure(batch(made) / 255, batch(true) / 255, data_range=1.0)
    assert ssim_map(made, true).mean() == pytest.approx(float(wanted), abs=TOLERANCE)
    assert psnr(made, true) == pytest.approx(
        float(peak_signal_noise_ratio(batch(made), batch(true), data_range=255.0)), abs=TOLERANCE
    )


@pytest.mark.parametrize("seed", range(3))
def test_grey_ssim_is_scikit_images(seed: int) -> None:
    from PIL import Image

    made, true = pictures(seed)
    grey = [np.asarray(Image.fromarray(one).convert("L")) for one in (made, true)]
    wanted = structural_similarity(*grey, data_range=255, gaussian_weights=True, use_sample_covariance=False)
    assert grey_ssim(made, true) == pytest.approx(float(wanted), abs=TOLERANCE)


def test_equal_pictures_are_perfect() -> None:
    made, _ = pictures(0)
    mask = np.zeros(made.shape[:2], bool)
    mask[20:50, 10:40] = True
    made[60:] = 91  # where a variance of 0 may come out a little under it
    assert ssim_map(made, made).min() == ssim_map(made, made).max() == 1.0
    assert grey_ssim(made, made) == 1.0
    assert psnr(made, made) == math.inf == psnr(made, made, mask)
    assert colour_distance(made, mask, made, mask) == 0
    same = batch(made).float() / 127.5 - 1
    with torch.no_grad():
        assert float(lpips(torch.manual_seed(0))(same, same)) == 0


def test_a_mask_chooses_what_is_compared() -> None:
    made, true = pictures(1)
    inside = np.zeros(made.shape[:2], bool)
    inside[20:50, 10:40] = True
    repaired = np.where(inside[..., None], true, made)
    assert psnr(repaired, true, inside) == math.inf
    assert psnr(repaired, true, ~inside) == psnr(made, true, ~inside)
    assert masked_mean(ssim_map(made, true), inside) == pytest.approx(ssim_map(made, true)[inside].mean())
    empty = np.zeros_like(inside)
    assert psnr(made, true, empty) is None
    assert masked_mean(ssim_map(made, true), empty) is None
    assert colour_distance(made, empty, true, inside) is None
    assert embedding_input(made, empty) is None


def test_pictures_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        ssim_map(pictures(0)[0], pictures(0, 90, 72)[0])
    with pytest.raises(ValueError, match="reach 5 pixels"):
        ssim_map(*pictures(0, 5, 72))


def lpips(generator: torch.Generator) -> LPIPS:
    del generator  # AlexNet takes its weights from PyTorch's default one
    network = LPIPS().eval()
    for weight in network.weights.parameters():
        weight.data.uniform_(0, 1)
    return network


def reference_lpips(network: LPIPS, *, spatial: bool = False) -> _LPIPS:
    reference = _LPIPS(pretrained=False, net="alex", pnet_rand=True, spatial=spatial)
    features = network.features.state_dict()
    for stage in (
        reference.net.slice1,
        reference.net.slice2,
        reference.net.slice3,
        reference.net.slice4,
        reference.net.slice5,
    ):
        stage.load_state_dict({key: features[key] for key in stage.state_dict()})
    for number, weight in enumerate(network.weights):
        getattr(reference, f"lin{number}").model[1].weight.data = weight.weight.data
    return reference.eval()


def test_lpips_is_torchmetrics() -> None:
    network = lpips(torch.manual_seed(0))
    made, true = (torch.cat([batch(pictures(seed)[which]) for seed in (0, 1)]).float() / 127.5 - 1 for which in (0, 1))
    with torch.no_grad():
        wanted = reference_lpips(network)(made, true).flatten()
        assert torch.allclose(network(made, true), wanted, atol=TOLERANCE * float(wanted.max()))
        value, found = network.both(made, true)
        wanted_map = reference_lpips(network, spatial=True)(made, true)
    assert torch.allclose(value, wanted, atol=TOLERANCE * float(wanted.max()))
    assert found.shape == (2, 1, 96, 72)
    assert torch.allclose(found, wanted_map, atol=TOLERANCE * float(wanted_map.max()))


def test_lpips_is_read_from_published_files(tmp_path: Path) -> None:
    network = lpips(torch.manual_seed(1))
    backbone, weights = tmp_path / "alexnet.pth", tmp_path / "alex.pth"
    classifier = {"classifier.1.weight": torch.zeros(2, 2)}
    torch.save({**{f"features.{k}": v for k, v in network.features.state_dict().items()}, **classifier}, backbone)
    torch.save({f"lin{n}.model.1.weight": one.weight.data for n, one in enumerate(network.weights)}, weights)
    read = LPIPS.load(backbone, weights)
    made, true = (batch(one).float() / 127.5 - 1 for one in pictures(2))
    with torch.no_grad():
        assert torch.equal(read(made, true), network(made, true))
    with pytest.raises(EvaluationError, match="missing"):
        LPIPS.load(backbone, backbone)
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(EvaluationError, match="no weights file"):
        LPIPS.load(backbone, weights)


def test_lpips_own_weights_as_published() -> None:
    import torchmetrics.functional.image.lpips as package

    path = Path(package.__file__).parent / "lpips_models" / "alex.pth"
    from finetune.evaluation.published import _own_name, _read

    state = {_own_name(key): value for key, value in _read(path).items()}
    wanted = LPIPS().weights.state_dict()
    assert {key.removeprefix("weights."): value.shape for key, value in state.items()} == {
        key: tuple(value.shape) for key, value in wanted.items()
    }


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights under the published names."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("inception") / "inception.pth"
    state = Inception().network.state_dict()
    for key, value in state.items():
        if key.endswith("conv.weight"):
            value.normal_(0, (2 / value[0].numel()) ** 0.5)
        if key.endswith("running_mean"):
            value.normal_(0, 0.1)
    torch.save(state, path)
    return path


def test_inception_is_torch_fidelitys(inception_file: Path) -> None:
    with torch.random.fork_rng():
        reference = FeatureExtractorInceptionV3("inception", ["2048"], str(inception_file))
    network = Inception.load(inception_file)
    picture = pictures(3, 299, 299)[0]
    with torch.no_grad():
        (wanted,) = reference(torch.from_numpy(picture).permute(2, 0, 1)[None])
        found = network(inception_input(picture))
    assert found.shape == (1, 2048)
    assert wanted.abs().max() > 0.1
    assert torch.allclose(found, wanted, atol=TOLERANCE)


def clean_fid_input(picture: Picture) -> np.ndarray:
    """clean-fid's own steps for a uint8 picture, mode `clean`."""
    from PIL import Image

    channels = []
    for number in range(3):
        image = Image.fromarray(picture[:, :, number].astype(np.float32), mode="F")
        channels.append(
            np.asarray(image.resize((299, 299), resample=Image.Resampling.BICUBIC)).clip(0, 255).reshape(299, 299, 1)
        )
    return np.concatenate(channels, axis=2).astype(np.float32)


@pytest.mark.parametrize("size", [(96, 72), (512, 384)])
def test_inception_input_is_clean_fids(size: tuple[int, int]) -> None:
    picture = pictures(4, *size)[0]
    found = inception_input(picture)[0].permute(1, 2, 0).numpy()
    assert np.abs(found - clean_fid_input(picture)).max() <= TOLERANCE


def clean_fid(one: np.ndarray, other: np.ndarray) -> float:
    """clean-fid's `frechet_distance` on means and covariances."""
    covariances = [np.cov(each, rowvar=False) for each in (one, other)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    shift = one.mean(axis=0) - other.mean(axis=0)
    return float(shift @ shift + sum(np.trace(each) for each in covariances) - 2 * np.trace(np.real(root)))


def clean_kid(one: np.ndarray, other: np.ndarray, subsets: int, largest: int, chance: np.random.Generator) -> float:
    """clean-fid's `kernel_distance`, its random choice given."""
    n, m, t = one.shape[1], min(len(one), len(other), largest), 0.0
    for _ in range(subsets):
        x = one[chance.choice(len(one), m, replace=False)]
        y = other[chance.choice(len(other), m, replace=False)]
        a = (x @ x.T / n + 1) ** 3 + (y @ y.T / n + 1) ** 3
        b = (x @ y.T / n + 1) ** 3
        t += (a.sum() - np.diag(a).sum()) / (m - 1) - b.sum() * 2 / m
    return t / subsets / m


def features(seed: int, count: int, width: int = 24) -> np.ndarray:
    chance = np.random.default_rng(seed)
    mixed = chance.normal(size=(count, width)) @ np.random.default_rng(9).normal(size=(width, width)) / width**0.5
    return np.abs(mixed + 0.8 * (seed % 2)).astype(np.float32)


@pytest.mark.parametrize(("ones", "others"), [(200, 300), (40, 40), (60, 26)])
def test_fid_is_clean_fids(ones: int, others: int) -> None:
    one, other = features(0, ones), features(1, others)
    assert fid(one, other) == pytest.approx(clean_fid(one.astype(float), other.astype(float)), abs=TOLERANCE)


def test_fid_of_fewer_pictures_than_features() -> None:
    """The reference's matrix root fails on singular covariances; rotated, the same sets fill a space of 12."""
    one, other = features(0, 100, 12), features(1, 100, 12)
    wide = np.linalg.qr(np.random.default_rng(0).normal(size=(300, 12)))[0]
    assert fid(one @ wide.T, other @ wide.T) == pytest.approx(
        clean_fid(one.astype(float), other.astype(float)), abs=1e-3
    )


def test_kid_is_clean_fids() -> None:
    one, other = features(0, 1200), features(1, 1100)
    wanted = clean_kid(one.astype(float), other.astype(float), 100, 1000, np.random.default_rng(5))
    assert kid(one, other, seed=5) == pytest.approx(wanted, abs=TOLERANCE)
    one, other = features(2, 90), features(3, 90)
    wanted = clean_kid(one.astype(float), other.astype(float), 100, 1000, np.random.default_rng(0))
    assert kid(one, other) == pytest.approx(wanted, abs=TOLERANCE)


def test_sets_of_one_source_are_near() -> None:
    one, same, other = features(0, 400), features(2, 400), features(1, 400)
    assert fid(one, one) == pytest.approx(0, abs=1e-6)
    assert fid(one, same) < fid(one, other) / 2
    assert abs(kid(one, same)) < kid(one, other) / 5


def test_kid_interval_is_the_jackknifes() -> None:
    one, other = features(0, 30), features(1, 33)
    groups = np.arange(30) // 2, np.arange(33) % 15

    def value(left_out: int) -> float:
        x, y = (rows[group != left_out].astype(float) for rows, group in zip((one, other), groups, strict=True))
        kernels = [(a @ b.T / 24 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))]
        n, m = len(x), len(y)
        within = [(k.sum() - np.trace(k)) / (c * (c - 1)) for k, c in zip(kernels, (n, m), strict=False)]
        return float(sum(within) - 2 * kernels[2].mean())

    values = np.array([value(group) for group in range(15)])
    error = 1.96 * math.sqrt(14 / 15 * ((values - values.mean()) ** 2).sum())
    assert kid_interval(one, other, *groups) == pytest.approx((-error, error), rel=1e-6)
    assert kid_interval(one, other, np.arange(30) % 2, np.arange(33) % 2) is None


def test_a_set_needs_two_pictures() -> None:
    for measure in (fid, kid):
        with pytest.raises(ValueError, match="at least two"):
            measure(features(0, 1), features(1, 5))


def test_colour_distance_is_in_delta_e() -> None:
    """A grey 10 L steps lighter is 10 away, wherever it is; stripes of two colours are themselves, shuffled too."""
    mask = np.ones((40, 30), bool)
    dark, light = (np.full((40, 30, 3), grey, np.uint8) for grey in (94, 119))  # L 40 and 50
    assert colour_distance(dark, mask, light, mask) == pytest.approx(10, abs=0.7)
    striped = np.where(np.arange(40)[:, None, None] % 10 < 5, dark, light)
    assert colour_distance(striped, mask, striped[::-1].copy(), mask) == pytest.approx(0, abs=1e-6)
    assert 3 < (colour_distance(striped, mask, light, mask) or 0) < 7


def test_the_embedding_sees_the_garment_alone(tmp_path: Path) -> None:
    import timm

    torch.manual_seed(0)
    published = timm.create_model("vit_small_patch14_dinov2", pretrained=False, num_classes=0).state_dict()
    path = tmp_path / "dinov2.pth"
    torch.save({**published, "mask_token": torch.zeros(1, 384)}, path)
    network = load_embedding(path)
    made, true = pictures(5)
    mask = np.zeros(made.shape[:2], bool)
    mask[20:50, 10:40] = True
    elsewhere = np.where(mask[..., None], made, true)
    inputs = [embedding_input(one, mask) for one in (made, elsewhere, true)]
    assert all(one is not None and one.shape == (1, 3, 224, 224) for one in inputs)
    with torch.no_grad():
        first, second, third = (network(one) for one in inputs)
    assert first.shape == (1, 384)
    assert torch.equal(first, second)
    assert not torch.allclose(first, third)
