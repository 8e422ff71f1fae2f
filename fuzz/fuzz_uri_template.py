"""For any text as a template and any as a URI, it is none, or the URI follows it or not; what follows never climbs."""

import sys

from holdfast.sandbox.mcp.catalogue.templates import climbs, is_uri, template_of


def check(data: bytes) -> None:
    template, _line, uri = data.decode("utf-8", "surrogateescape").partition("\n")
    found = template_of(template)
    if found is not None and found.matches(uri):
        assert is_uri(uri)
        assert not climbs(uri)
        assert uri.partition(":")[0] == template.partition(":")[0]


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
