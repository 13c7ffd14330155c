"""What a project may use on its server, by its plan: deploy sets it as limits, dns counts it for the choice."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

PLANS = Path(__file__).with_name("plans.toml")

_MEGABYTES = {"m": 1, "g": 1024}


class Plan(BaseModel):
    """The limits of a container, as Docker writes them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    memory: str = Field(pattern=r"^[1-9][0-9]*[mg]$")
    cpus: str = Field(pattern=r"^[0-9]+(\.[0-9]+)?$")

    @property
    def ram_mb(self) -> int:
        """Megabytes (MiB) of memory."""
        return int(self.memory[:-1]) * _MEGABYTES[self.memory[-1]]

    @property
    def cpu_millicores(self) -> int:
        """Thousandths of a core."""
        return round(float(self.cpus) * 1000)


def read_plans() -> dict[str, Plan]:
    """Read ``plans.toml``: the plans by name."""
    return TypeAdapter(dict[str, Plan]).validate_python(tomllib.loads(PLANS.read_text(encoding="utf-8")))
