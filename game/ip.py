"""IP addresses, as requests and settings spell them."""

from ipaddress import IPv4Address, IPv6Address, ip_address


def parsed(text: str) -> IPv4Address | IPv6Address:
    """The address in a text, with brackets or without. Raises ValueError for anything else.

    On an IPv6 socket (HOST=::) IPv4 clients appear as ::ffff:192.0.2.1. They are returned as IPv4:
    otherwise all would count as one /64 network, and none as this machine.
    """
    found = ip_address(text.removeprefix("[").removesuffix("]"))
    return getattr(found, "ipv4_mapped", None) or found


def plain(text: str) -> str:
    """The address in its shortest form; a text that is no address is returned unchanged."""
    try:
        return str(parsed(text))
    except ValueError:
        return text
