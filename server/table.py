"""One table of the configuration: unknown keys are errors, and nothing changes once it is read."""

from pydantic import BaseModel, ConfigDict


class Table(BaseModel):
    """What every table of `holdfast.toml` is."""

    model_config = ConfigDict(extra="forbid", frozen=True, serialize_by_alias=True)
