"""Fields that are described by the docstrings beneath them, read when somebody asks for a schema.

pydantic's own `use_attribute_docstrings` reads the sources whenever a class is made: a third of a service's start.
"""

import ast
import inspect
from functools import cache
from itertools import pairwise
from textwrap import dedent
from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic_core import CoreSchema


class Documented(BaseModel):
    """A model whose JSON Schema has its fields' docstrings as descriptions."""

    model_config = ConfigDict(defer_build=True)  # who imports all contracts uses a few of them

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Of pydantic, for each schema that the model is part of."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, description in _docstrings(cls).items():
            if name in properties:
                properties[name] = {"description": description} | properties[name]
        return schema


@cache
def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    found: dict[str, str] = {}
    for parent in reversed(model.__mro__):
        if not issubclass(parent, Documented):
            continue
        try:
            [definition] = ast.parse(dedent(inspect.getsource(parent))).body
        except (OSError, TypeError):  # made at run time, as each CloudEvent of an event is
            continue
        body = definition.body if isinstance(definition, ast.ClassDef) else []
        for field, said in pairwise(body):
            match field, said:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = inspect.cleandoc(text)
    return found
