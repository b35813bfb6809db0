"""Settings: `lookbook.toml` and `LOOKBOOK_*` variables -> frozen models; an unknown key is an error.

Precedence: environment, then the file, then defaults. Nothing else in the project reads the environment or the file.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource
from sqlalchemy import make_url

from crawler.config import CrawlSettings, ImageSettings, ShopSettings
from crawler.shops import SHOPS

FILE_NAME = "lookbook.toml"
PREFIX = "LOOKBOOK_"
# Read before the settings exist: where the file is, and which interpreter DAG tasks run.
_NOT_SETTINGS = ("LOOKBOOK_CONFIG", "LOOKBOOK_PYTHON")
_SECRET = re.compile(r"password|secret|token|(^|_)key$", re.IGNORECASE)


class SettingsError(Exception):
    """The settings can't be used; the message names the key, the value and where it came from."""


class Settings(BaseSettings):
    """All settings of one installation. Relative paths are taken from the settings file's folder."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid")

    database_url: str = Field(default="sqlite:///var/catalogue.db", description="the catalogue: SQLite or PostgreSQL")
    blobs_url: str = Field(default="var/blobs", description="pictures and conditions: a folder or s3://bucket/prefix")
    weights_dir: str = Field(default="var/weights", description="others' network weights: a folder")
    crawl: CrawlSettings = CrawlSettings()
    images: ImageSettings = ImageSettings()
    shops: dict[str, ShopSettings] = Field(default_factory=dict)

    @field_validator("shops")
    @classmethod
    def _known_shops(cls, shops: dict[str, ShopSettings]) -> dict[str, ShopSettings]:
        if unknown := sorted(set(shops) - set(SHOPS)):
            raise ValueError(f"unknown shop {unknown[0]!r}; there are {', '.join(SHOPS)}")
        return {code: shops.get(code, ShopSettings()) for code in SHOPS}

    def shop(self, code: str) -> ShopSettings:
        return self.shops.get(code) or ShopSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=settings_file())


def settings_file() -> Path:
    """The settings file that is or would be read: `$LOOKBOOK_CONFIG`, else `lookbook.toml` in the working folder."""
    return Path(os.environ.get("LOOKBOOK_CONFIG") or FILE_NAME)


def load_settings() -> Settings:
    """Read the settings; raises SettingsError, in one line, for a bad file, an unknown key or a bad value."""
    _refuse_unknown_variables()
    path = settings_file()
    if "LOOKBOOK_CONFIG" in os.environ and not path.is_file():
        raise SettingsError(f"LOOKBOOK_CONFIG names {path}, which is not a file")
    try:
        settings = Settings()
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        raise SettingsError(_first_line(error, path)) from None
    except Exception as error:  # pydantic-settings wraps bad JSON in variables into its own error types
        raise SettingsError(f"settings can't be read: {error}") from None
    return _with_absolute_paths(settings, path.parent)


def _with_absolute_paths(settings: Settings, folder: Path) -> Settings:
    try:
        url = make_url(settings.database_url)
    except Exception:
        raise SettingsError(
            "database_url is not a database address such as sqlite:///file or postgresql://..."
        ) from None
    update: dict[str, str] = {"weights_dir": str((folder / settings.weights_dir).absolute())}
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        update["database_url"] = f"sqlite:///{(folder / url.database).absolute()}"
    elif url.get_backend_name() not in ("sqlite", "postgresql"):
        raise SettingsError(f"database_url: {url.get_backend_name()!r} is not supported; use sqlite or postgresql")
    if "://" not in settings.blobs_url:
        update["blobs_url"] = str((folder / settings.blobs_url).absolute())
    return settings.model_copy(update=update)


def _refuse_unknown_variables() -> None:
    for name in sorted(os.environ):
        if not name.startswith(PREFIX) or name in _NOT_SETTINGS:
            continue
        field = name.removeprefix(PREFIX).split("__")[0].lower()
        if field not in Settings.model_fields:
            raise SettingsError(f"{name}: there is no setting {field!r}; there are {', '.join(Settings.model_fields)}")


def _first_line(error: ValidationError, path: Path) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    value = mask(key, first["input"]) if not isinstance(first["input"], dict) else "a table"
    return f"setting {key} = {value}: {first['msg']} (read from {path} and {PREFIX}* variables){more}"


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """One setting as `lookbook settings show` prints it; secrets are masked."""

    key: str
    value: Any
    source: str


def in_force(settings: Settings) -> Iterator[SettingInForce]:
    """Every setting with its value and where that came from: a variable, the file, or the default."""
    from_file = dict(_leaves(TomlConfigSettingsSource(Settings, toml_file=settings_file())()))
    for key, value in _leaves(settings.model_dump(mode="json")):
        variable = _variable_of(key)
        if variable:
            source = variable
        elif any(key == other or other.startswith(f"{key}.") or key.startswith(f"{other}.") for other in from_file):
            source = str(settings_file())
        else:
            source = "default"
        yield SettingInForce(key, mask(key, value), source)


def _variable_of(key: str) -> str | None:
    parts = key.upper().split(".")
    for length in range(len(parts), 0, -1):
        name = PREFIX + "__".join(parts[:length])
        match = next((variable for variable in os.environ if variable.upper() == name), None)
        if match:
            return match
    return None


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def mask(key: str, value: Any) -> Any:
    """The value without its secrets: passwords in addresses, and whole values of keys that are secrets by name."""
    if value and _SECRET.search(key.rsplit(".", 1)[-1]):
        return "***"
    if isinstance(value, str) and "://" in value:
        # Up to the last @: a password may hold any character, a slash too.
        value = re.sub(r"://([^:@]*):.*@", r"://\1:***@", value)
        return re.sub(r"([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*", r"\1***", value, flags=re.IGNORECASE)
    return value
