"""What the params of a call have in common."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .answers import invalid, missing


class Params(BaseModel):
    """The params of one method. Names it does not know are ignored, as ``lang`` and ``clTRID`` must be."""

    model_config = ConfigDict(extra="ignore", validate_by_alias=True)

    @classmethod
    def parse(cls, params: dict[str, Any]) -> Self:
        """Raises 2003 for the first parameter that is missing, 2005 for the first that is wrong."""
        try:
            return cls.model_validate(params)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0])
            raise missing(name) if first["type"] == "missing" else invalid(name, first["input"]) from error


class Paged(Params):
    """A list comes in pages."""

    page: int = Field(default=1, ge=1)
    pagelimit: int = Field(default=20, ge=1)

    def cut(self, rows: list[Any]) -> list[Any]:
        """The page that was asked for."""
        start = (self.page - 1) * self.pagelimit
        return rows[start : start + self.pagelimit]
