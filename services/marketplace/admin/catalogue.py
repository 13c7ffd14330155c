"""German for the pages: ``translations/de.po``, read at start and added to what starlette-admin brings."""

from io import BytesIO
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from starlette_admin import i18n

FILE = Path(__file__).with_name("translations") / "de.po"


def load_german() -> None:
    """Translate what `FILE` holds from now on; English is what stands in the sources."""
    compiled = BytesIO()
    with FILE.open("rb") as source:
        write_mo(compiled, read_po(source, locale="de", charset="utf-8"))
    compiled.seek(0)
    german = i18n.translations["de"]
    assert isinstance(german, Translations)  # noqa: S101 - starlette-admin ships it
    german.merge(Translations(compiled, domain="admin"))
