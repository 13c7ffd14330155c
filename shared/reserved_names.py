"""Names that no project gets below a base domain of ours: the lists of ``reserved_names.toml``."""

import tomllib
from functools import cache
from pathlib import Path


def is_reserved(slug: str) -> bool:
    """Whether no project may have this name; see ``reserved_names.toml``."""
    system, offensive = reserved_names()
    looks_encoded = slug[2:4] == "--"  # xn-- and whatever else DNS may reserve there (RFC 5891)
    return looks_encoded or slug.rstrip("0123456789-") in system or not offensive.isdisjoint(slug.split("-"))


@cache
def reserved_names() -> tuple[frozenset[str], frozenset[str]]:
    """The names that look like a system's, and the words that offend, as the file lists them."""
    lists = tomllib.loads(Path(__file__).with_name("reserved_names.toml").read_text(encoding="utf-8"))
    return frozenset(lists["system"]), frozenset(lists["offensive"])
