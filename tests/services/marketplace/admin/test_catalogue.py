"""Each text of the admin UI has its German, and German has no text that nobody says."""

import re
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from services.marketplace.admin.catalogue import FILE

_PLACES = re.compile(r"%\((\w+)\)s")


def test_the_catalogue_has_exactly_the_texts_of_the_sources_with_their_placeholders() -> None:
    sources = Path(FILE).parent.parent
    found = extract_from_dir(
        sources,
        method_map=[("**.py", "python"), ("templates/**.html", "jinja2.ext.babel_extract")],
        options_map={"templates/**.html": {"silent": "false"}},
        keywords={"_": None, "gettext": None, "lazy_gettext": None, "ngettext": (1, 2)},
    )
    said = {
        message[0] if isinstance(message, tuple) else message for _file, _line, message, _comments, _context in found
    }
    with FILE.open("rb") as file:
        german = {
            message.id[0] if isinstance(message.id, tuple | list) else message.id: message.string
            for message in read_po(file, locale="de")
            if message.id
        }
    assert said == german.keys()
    assert all(german.values())
    for english, words in german.items():
        for each in (words,) if isinstance(words, str) else words or ():
            assert each, english
            assert sorted(_PLACES.findall(english)) == sorted(_PLACES.findall(each)), english
