"""IP addresses, as requests and settings spell them."""

from ipaddress import IPv4Address, IPv6Address, ip_address


def parsed(text: str) -> IPv4Address | IPv6Address:
    """The address in a text, with brackets or without. Raises ValueError where there is none.

    An IPv6 socket (HOST=::) shows those who come over IPv4 as ::ffff:192.0.2.1: here they are
    IPv4, or all of them would count as one home of the network ::/64, and none as this machine.
    """
    found = ip_address(text.removeprefix("[").removesuffix("]"))
    return getattr(found, "ipv4_mapped", None) or found


def plain(text: str) -> str:
    """The same address in its shortest form; what is none stays as it is."""
    try:
        return str(parsed(text))
    except ValueError:
        return text
