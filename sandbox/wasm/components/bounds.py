"""How much each memory and table of a component may have, so that all of them together stay within one limit."""


def share(most: tuple[int, ...], total: int) -> int:
    """The largest bound for each one of several so that together they have at most *total*.

    *most* is what each one says that it can have at most; what small ones leave, the others share.
    """
    left, rest = total, sorted(most)
    for at, one in enumerate(rest):
        even = left // (len(rest) - at)
        if one > even:
            return even
        left -= one
    return rest[-1] if rest else 0
