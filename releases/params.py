"""`params.yaml` -> one frozen model that the command line, DVC and tests share; unknown keys are errors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from releases.errors import BadParameters

FILE_NAME = "params.yaml"


class ReleaseParams(BaseModel):
    """How releases are made; the section `release` of `params.yaml`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    salt: str = Field(default="lookbook", min_length=1, description="what the hash of the splits begins with")
    test_share: float = Field(default=0.1, ge=0, le=1, description="share of garments in the test split")
    width: int = Field(default=768, ge=16, le=4096, description="pixels of every picture")
    height: int = Field(default=1024, ge=16, le=4096, description="pixels of every picture")
    shard_items: int = Field(default=256, ge=1, le=10_000, description="items of a shard; about 0.5 MB each")
    rewrite_below: float = Field(
        default=0.5, ge=0, le=1, description="a shard with a smaller share of current items is written anew"
    )
    sheet_items: Annotated[int, Field(ge=0, le=200)] = Field(default=24, description="items on a contact sheet")

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


class _File(BaseModel):
    """The whole file; other sections belong to other stages."""

    release: ReleaseParams = ReleaseParams()


def load_params(path: Path = Path(FILE_NAME)) -> ReleaseParams:
    """The file's section `release`; defaults for what it does not say. Raises BadParameters, in one line."""
    try:
        found = yaml.safe_load(path.read_text())
        return _File.model_validate(found or {}).release
    except OSError as error:
        raise BadParameters(f"{path}: {error.strerror}; run in the project's folder or name it with --params") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise BadParameters(f"{path} is not YAML: {str(error).splitlines()[0]}") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadParameters(f"{path}: {key} = {first['input']!r}: {first['msg']}") from None
