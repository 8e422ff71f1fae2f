"""The parameters of verbs: unknown ones are refused. It does nothing."""

from pydantic import BaseModel, ConfigDict


class Params(BaseModel):
    """No parameters, and what those with some are made of."""

    model_config = ConfigDict(extra="forbid", frozen=True)
