"""English verbs by their forms."""

import re
from collections.abc import Iterator

from inference.world.rules.english.words import ACTS, FEELINGS, SPEECH, words

VOWELS = "aeiou"
# The past of verbs that have one of their own, and their participle where it differs.
IRREGULAR_WORDS = """
    take:took:taken get:got:gotten catch:caught steal:stole:stolen buy:bought draw:drew:drawn
    keep:kept put:put wear:wore:worn lose:lost throw:threw:thrown leave:left give:gave:given
    sell:sold spend:spent pay:paid eat:ate:eaten drink:drank:drunk break:broke:broken
    burn:burned:burnt hold:held have:had lend:lent bring:brought find:found go:went:gone
    come:came:come run:ran:run ride:rode:ridden drive:drove:driven fly:flew:flown flee:fled
    swim:swam:swum rise:rose:risen fall:fell:fallen shoot:shot slay:slew:slain strike:struck
    say:said tell:told speak:spoke:spoken think:thought see:saw:seen stand:stood sit:sat
    lie:lay:lain begin:began:begun let:let set:set lay:laid hang:hung swing:swung sink:sank:sunk
    feel:felt tear:tore:torn hide:hid:hidden wake:woke:woken creep:crept slide:slid sweep:swept
    grow:grew:grown shake:shook:shaken read:read cut:cut hit:hit shut:shut make:made light:lit
    know:knew:known hear:heard meet:met sing:sang:sung write:wrote:written bend:bent kneel:knelt
    send:sent freeze:froze:frozen stick:stuck spin:spun cling:clung fling:flung bite:bit:bitten
    lead:led seek:sought
"""
IRREGULAR = {
    base: tuple(others) for base, *others in (word.split(":") for word in IRREGULAR_WORDS.split())
}
# Whose last letter is not doubled: the last syllable has no stress.
SINGLE = words(
    """
    enter gather collect wander whisper mutter answer offer order vanish open follow deliver
    recover surrender discover slither scurry visit exit hand discard abandon pocket falter
    stagger murmur clutter hover linger shiver shatter scatter wear tear appear disappear
    """
)
DOUBLED = re.compile(rf"[^{VOWELS}][{VOWELS}][bdgklmnprtv]$")

TAKES = words(
    """
    take get grab pocket snatch collect gather scoop retrieve fetch receive accept steal swipe buy
    purchase pluck catch keep unhook seize recover pick pack
    """
)
DROPS = words(
    """
    drop lose discard abandon surrender leave throw toss fling hurl sell spend pay eat drink
    swallow burn devour break smash crush snap spill pour empty finish trade swap bet gamble send
    post bury release rip tear kick roll push
    """
)
THROWS = words("throw toss fling hurl")
GIVES = words(
    "give hand pass sell lend throw toss feed deliver present donate trade surrender return"
)
BRINGS = words("give hand pass toss throw slip lend bring fling sell return")
PUTS = words(
    """
    sling hoist put place lay set slip tuck stuff stow shove slide drop hang stick push press pack
    hide
    """
)
PULLS = words("wrench pry prise wrest rip tear pull draw fish dig haul produce remove lift")
HOLDS = words("hold carry clutch grip cradle hug wield brandish")
KILLS = words("kill slay murder behead strangle execute")
ROBS = words(
    """
    take snatch steal grab pluck rip tear seize pull swipe accept pocket confiscate collect
    receive
    """
)
FALLS = words(
    """
    slip fall fly drop slide jerk tumble roll clatter spin bounce float drift go skitter skid land
    """
)
RUINS = words(
    """
    shatter break sink vanish disappear burn snap burst split melt crumble explode dissolve
    """
)
KEEPS_IT = words(
    """
    take grab snatch steal seize accept pocket confiscate collect receive eat swallow devour burn
    break smash crush throw toss drop kick hurl fling keep catch pick drink claim
    """
)
LEAVES = words("leave depart vanish disappear flee escape")
ARRIVES = words("arrive appear enter return emerge")
MOVES = words(
    """
    go walk run ride drive fly swim step march stride storm hurry rush stagger stumble wander slip
    sneak creep crawl climb sail row stalk stomp trudge shuffle head scurry limp gallop trot dart
    float drift turn hobble scramble scuttle sprint bolt slink move duck
    """
)
GOES = words(
    """
    go walk step run climb come return arrive emerge crawl descend ascend drive ride head stumble
    slip sneak move duck fall march hurry rush stride swim row sail limp tiptoe creep retreat
    wander squeeze wade clamber burst proceed cross get back
    """
)
CARRIES_OFF = words(
    """
    take bring lead drag carry pull push throw put lock usher shove march escort guide steer drive
    row
    """
)
OTHERS = words(
    """
    manage stoop die fall wear don remove find follow wake reach have be lock drown let stop
    perish bleed freeze
    """
)


def forms(base: str) -> Iterator[str]:
    """The forms of a verb."""
    yield base
    consonant_y = base.endswith("y") and base[-2] not in VOWELS
    if consonant_y:
        yield base[:-1] + "ies"
    else:
        yield base + ("es" if re.search(r"(?:s|x|z|ch|sh|o)$", base) else "s")
    stem = base
    if DOUBLED.search(base) and base not in SINGLE:
        stem = base + base[-1]
    elif base.endswith("e") and not base.endswith(("ee", "ie")):
        stem = base[:-1]
    yield base[:-2] + "ying" if base.endswith("ie") else stem + "ing"
    if base in IRREGULAR:
        yield from IRREGULAR[base]
    elif consonant_y:
        yield base[:-1] + "ied"
    else:
        yield stem.removesuffix("e") + "ed"


def table(bases: frozenset[str]) -> dict[str, str]:
    """The base of each form of some verbs."""
    return {form: base for base in sorted(bases) for form in forms(base)}


VERBS = table(
    TAKES | DROPS | KEEPS_IT | GIVES | BRINGS | PUTS | PULLS | HOLDS | KILLS | ROBS | FALLS
    | RUINS | LEAVES | ARRIVES | MOVES | GOES | CARRIES_OFF | OTHERS | ACTS | SPEECH
) | {"found": "find", "left": "leave", "lay": "lie", "saw": "see", "fell": "fall"}  # fmt: skip
SPOKEN = frozenset(table(SPEECH))
PERSONAL = frozenset(table(SPEECH | FEELINGS))
DIES = frozenset(["die", "dies", "died"])
