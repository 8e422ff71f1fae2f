"""The egress broker: the only way out. Checks grant, address and every redirect; resolves no name before its grant.

The order of one request, all of it under one deadline:

1. The URL is made canonical or refused (`contracts/urls`). What was judged is, byte for byte, what is sent.
2. Method, headers and body are checked (`headers`).
3. A grant must admit it (`grants`). Until here no name was resolved.
4. The name is resolved once. *Every* address must be global unicast (`contracts/addresses`), and the connection goes to
   one of the addresses that were checked; TLS is for the name.
5. The answer is read and decompressed in pieces, and counted decompressed.
6. A redirect starts again at 1, at most five times. Never from https to http; to another origin only headers of an
   innocent kind go along, and never a body.

There is no proxy, cookie or certificate setting from the environment and no connection is used twice.

Secrets (`injecting`, `scrubbing`) belong to the grant that names them. They are added after 3, when everything was
scanned, to the request that was asked for and to no redirect; what comes back is searched for them before it is seen.
"""

from holdfast.contracts.addresses import Networks, is_public
from holdfast.contracts.urls import Target, canonical

from .broker import EgressBroker, EgressLimits
from .dialing import Resolver, resolve
from .grants import PUBLIC, admits

__all__ = [
    "PUBLIC",
    "EgressBroker",
    "EgressLimits",
    "Networks",
    "Resolver",
    "Target",
    "admits",
    "canonical",
    "is_public",
    "resolve",
]
