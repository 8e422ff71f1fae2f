"""For any bytes and any kind of picture, what is handed on is a picture of that kind without metadata, or nothing."""

import sys

from holdfast.safety.sanitizer.pictures import plain_picture

KINDS = ("image/png", "image/jpeg", "image/gif", "image/webp")


def check(data: bytes) -> None:
    """Read *data* as each kind of picture."""
    for kind in KINDS:
        plain = plain_picture(data, kind)
        if plain is not None:
            assert len(plain) <= len(data) + 2
            assert plain_picture(plain, kind) == plain


if __name__ == "__main__":
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
