"""Motifs of generated covers: a ship, a house, a planet and others, drawn in SVG.

Each motif takes a Choices, which determines positions and sizes, and returns SVG of 320 by 200
units in the classes that game.library.covers describes. MOTIF_OF_WORD has the words that choose it.
"""

import hashlib
from collections.abc import Callable

WIDTH, HEIGHT = 320, 200


class Choices:
    """Pseudorandom numbers that follow from a text: always the same for the same text."""

    def __init__(self, text: str) -> None:
        self.number = int.from_bytes(hashlib.sha256(text.encode()).digest())

    def below(self, end: int) -> int:
        """The next number, 0 to end - 1."""
        self.number, chosen = divmod(self.number, end)
        return chosen

    def between(self, low: int, high: int) -> int:
        """The next number, low to high, both included."""
        return low + self.below(high - low + 1)


Motif = Callable[[Choices], str]


def path(kind: str, line: str) -> str:
    """An SVG path of a class."""
    return f'<path class="{kind}" d="{line}"/>'


def circle(kind: str, x: int, y: int, radius: int) -> str:
    """An SVG circle of a class."""
    return f'<circle class="{kind}" cx="{x}" cy="{y}" r="{radius}"/>'


def sky(choices: Choices) -> str:
    """A few dots above the horizon: stars, snow or dust."""
    dots = (
        f"M{choices.between(12, WIDTH - 12)} {choices.between(10, 90)}h.1"
        for _ in range(choices.between(5, 9))
    )
    return path("dots faint", "".join(dots))


def hills(choices: Choices) -> str:
    """Two ridges across the whole width."""
    ridges = []
    for base in (choices.between(120, 136), choices.between(150, 162)):
        x, line = 0, f"M0 {base}"
        while x < WIDTH:
            step = choices.between(40, 80)
            peak = choices.between(14, 44)
            line += f"q{step // 2} {-peak} {step} 0"
            x += step
        ridges.append(path("faint", line))
    return "".join(ridges)


def moon(choices: Choices, y: int = 56) -> str:
    """A bright disc with a glow, `y` units from the top."""
    x, radius = choices.between(60, 260), choices.between(14, 24)
    return circle("glow", x, y, radius * 3) + circle("bright", x, y, radius)


def waves(y: int) -> str:
    """A wavy line across the whole width, `y` units from the top."""
    return path("faint", f"M0 {y}" + "c14-8 26-8 40 0s26 8 40 0" * 4)


def ship(choices: Choices) -> str:
    """A sailing ship under the moon."""
    x = choices.between(110, 190)
    return (
        moon(choices, 44)
        + path("line", f"M{x} 142V48M{x} 62l44 62h-44M{x} 74l-32 50h32")
        + path("solid", f"M{x - 62} 134h124l-20 32H{x - 44}z")
        + circle("bright", x + 40, 148, 4)
        + waves(166)
        + waves(184)
    )


def planet(choices: Choices) -> str:
    """A ringed planet with its moon."""
    x, y = choices.between(120, 200), choices.between(88, 108)
    radius = choices.between(38, 52)
    tilt = choices.between(10, 24)
    wide = radius + 34
    mx, my = x + wide - 6, y - radius - choices.between(0, 10)
    return (
        circle("glow", x, y, radius + 40)
        + f'<g transform="rotate({-tilt} {x} {y})">'
        + path("wire", f"M{x - wide} {y}a{wide} 16 0 0 1 {wide * 2} 0")
        + circle("solid", x, y, radius)
        + path("wire", f"M{x - wide} {y}a{wide} 16 0 0 0 {wide * 2} 0")
        + "</g>"
        + circle("bright", mx, my, 8)
        + path("line", f"M{x - radius // 2} {y - 12}h18M{x - 4} {y + 8}h{radius // 2}")
    )


def skyline(choices: Choices) -> str:
    """Towers of a city with lit windows."""
    x, line, windows = 12, "M0 176h12", ""
    while x < WIDTH - 40:
        wide, tall = choices.between(28, 48), choices.between(44, 122)
        line += f"V{176 - tall}h{wide}V176h6"
        if choices.below(2):
            wx, wy = x + wide // 2 - 4, 176 - tall + choices.between(12, 24)
            windows += f"M{wx} {wy}h8v11h-8z"
        x += wide + 6
    return moon(choices, 40) + path("solid", f"{line}H{WIDTH}") + path("bright", windows)


def forest(choices: Choices) -> str:
    """Fir trees, and a lit tent between them."""
    trees, light = "", choices.between(110, 210)
    for x in range(18, WIDTH, 44):
        foot, tall = choices.between(160, 176), choices.between(70, 124)
        top = foot - tall
        trees += path(
            "solid",
            f"M{x} {top}l16 {tall // 3}h-8l14 {tall // 3}h-10l12 {tall // 3 - 12}h-48l12 "
            f"{12 - tall // 3}h-10l14 {-(tall // 3)}h-8z",
        ) + path("line", f"M{x} {foot - 12}v12")
    return (
        circle("glow", light, 130, 78)
        + trees
        + path("bright", f"M{light - 12} 168v-16l12-12 12 12v16z")
        + path("faint", "M0 178h320")
    )


def peaks(choices: Choices) -> str:
    """A mountain with a lit shelter at its foot."""
    top = choices.between(28, 48)
    x = choices.between(130, 190)
    return (
        moon(choices, 46)
        + path("faint", f"M0 170l50-64 40 44 30-30M320 170l-60-76-44 50M{x - 40} 176l10 0")
        + path("solid", f"M{x - 116} 178L{x} {top}l116 {178 - top}z")
        + path("line", f"M{x - 34} {top + 46}l18 14 16-16 14 18 20-16M0 178h320")
        + path("bright", f"M{x - 6} 178v-14l8-8 8 8v14z")
    )


def house(choices: Choices) -> str:
    """A house with one lit window."""
    x = choices.between(96, 150)
    lit = choices.below(3)
    panes = [(x + 22, 108), (x + 62, 108), (x + 102, 108)]
    windows = "".join(
        path("bright" if number == lit else "line", f"M{wx} {wy}h20v26h-20z")
        for number, (wx, wy) in enumerate(panes)
    )
    return (
        hills(choices)
        + circle("glow", panes[lit][0] + 10, 120, 70)
        + path("solid", f"M{x} 84h144v94H{x}z")
        + path("solid", f"M{x - 16} 88L{x + 72} 34l88 54z")
        + path("line", f"M{x + 112} 56V34h16v32M0 178h320")
        + windows
        + path("line", f"M{x + 62} 178v-30h20v30")
    )


def door(choices: Choices) -> str:
    """An open door, with light behind it."""
    x = choices.between(120, 160)
    return (
        circle("glow", x + 32, 108, 84)
        + path("faint", "M0 178h320")
        + path("beam", f"M{x} 178h64l48 22H{x - 30}z")
        + path("bright", f"M{x} 178V54c0-14 14-22 32-22s32 8 32 22v124z")
        + path("solid", f"M{x} 178V44l-44-16v166z")
        + path("line", f"M{x} 178V54c0-14 14-22 32-22s32 8 32 22v124")
        + circle("ink", x - 12, 112, 3)
    )


def castle(choices: Choices) -> str:
    """A castle of three towers with a flag."""
    x, tall = choices.between(120, 170), choices.between(96, 124)
    top = 172 - tall

    def battlements(left: int, high: int, teeth: int) -> str:
        return f"M{left} 174V{high}" + "v-12h10v12h8" * teeth + "v-12h10v12" + "V174z"

    return (
        hills(choices)
        + moon(choices, 48)
        + path("solid", battlements(x - 66, 116, 2))
        + path("solid", battlements(x + 28, 106, 2))
        + path("solid", battlements(x - 22, top, 2))
        + path("bright", f"M{x - 4} {top + 44}v-14c0-5 3-8 6-8s6 3 6 8v14z")
        + path("line", f"M{x + 2} {top - 12}V{top - 40}l20 8-20 8M0 174h320")
    )


def dunes(choices: Choices) -> str:
    """Dunes, a low sun and a cactus."""
    x = choices.between(90, 230)
    return (
        circle("glow", x, 116, 80)
        + circle("bright", x, 116, choices.between(26, 36))
        + path("solid", "M-4 132c50-28 96-20 140 2s110 18 188-22v90H-4z")
        + path("solid", "M-4 168c60-22 110-26 164-4s110 14 164-8v50H-4z")
        + path("line", f"M{x - 52} 132v-34m0 20h-12v-14m12 20h12v-20")
    )


def road(choices: Choices) -> str:
    """A road to the horizon with a signpost."""
    x = choices.between(120, 200)
    return (
        hills(choices)
        + moon(choices, 46)
        + path("line", f"M{x - 4} 128L40 200M{x + 4} 128l120 72")
        + path("wire", f"M{x} 136v6M{x + 2} 152v10M{x + 6} 174v16")
        + path("line", f"M{x + 72} 172V92h-40v22h40M{x + 32} 103l-10 0")
    )


def steps(choices: Choices) -> str:
    """Steps that lead out of a lit archway."""
    x = choices.between(140, 180)
    treads = "".join(
        path(
            "line",
            f"M{x - 34 - n * 18} {134 + n * 16}v-16h{68 + n * 36}v16",
        )
        for n in range(5)
    )
    return (
        path("line", f"M{x - 62} 118V74c0-34 30-54 62-54s62 20 62 54v44")
        + path("faint", f"M{x - 90} 40h20M{x + 76} 52h24M{x - 108} 84h24M{x + 84} 92h20")
        + circle("glow", x, 92, 70)
        + path("bright", f"M{x - 34} 118V80c0-22 16-34 34-34s34 12 34 34v38z")
        + treads
    )


def letter(choices: Choices) -> str:
    """A sealed envelope."""
    lean = choices.between(-10, 10)
    return (
        circle("glow", 160, 104, 88)
        + path("solid", f"M76 {56 + lean}l168 {-2 * lean}v98l-168 {2 * lean}z")
        + path("line", f"M76 {56 + lean}l84 {58 - lean}l84 {-58 - lean}")
        + path("faint", f"M76 {154 + lean}l58-48M244 {154 - lean}l-58-50")
        + circle("bright", 160, 116, 14)
        + path("faint", "M20 180h280")
    )


def book(choices: Choices) -> str:
    """An open book with rays above it."""
    rays = "".join(f"M160 40l{x} -26" for x in (-60, -30, 0, 30, 60))
    return (
        circle("glow", 160, 80, 86)
        + path("wire", rays if choices.below(2) else "M160 34v-20M118 40l-14-16M202 40l14-16")
        + path("solid", "M160 166c-24-14-62-18-108-12V58c46-6 84-2 108 12 24-14 62-18 108-12v96")
        + path("line", "M268 154c-46-6-84-2-108 12V70")
        + path("faint", "M72 82c24-2 46 0 68 6M72 104c24-2 46 0 68 6M72 126c24-2 46 0 68 6")
        + path("bright", "M206 84l6 16 16 6-16 6-6 16-6-16-16-6 16-6z")
    )


def gear(choices: Choices) -> str:
    """Two gear wheels."""
    x = choices.between(120, 150)
    teeth = choices.between(6, 8) * 2
    small = choices.between(28, 36)

    def wheel(cx: int, cy: int, radius: int) -> str:
        return (
            f'<circle class="wire" cx="{cx}" cy="{cy}" r="{radius + 6}" '
            f'stroke-dasharray="{round(6.283 * (radius + 6) / teeth / 2, 2)}"/>'
            + circle("solid", cx, cy, radius)
            + circle("line", cx, cy, radius // 3)
        )

    return (
        circle("glow", x, 92, 92)
        + wheel(x, 92, 50)
        + wheel(x + 62 + small, 126, small)
        + circle("bright", x, 92, 8)
        + path("faint", "M0 184h320")
    )


def lamp(choices: Choices) -> str:
    """A lantern with a flame, and two moths."""
    x = choices.between(130, 190)
    return (
        circle("glow", x, 116, 84)
        + path("faint", "M0 180h320")
        + path(
            "line",
            f"M{x - 22} 48a22 22 0 0 1 44 0M{x - 36} 62h72M{x - 30} 62l-12 96h84l-12-96"
            f"M{x - 48} 180h96M{x - 38} 158v22M{x + 38} 158v22",
        )
        + path(
            "bright",
            f"M{x} 84c2 13 21 22 21 41a21 21 0 0 1-42 0"
            "c0-11 7-17 10-23 1 5 3 8 6 9 0-10 1-19 5-27z",
        )
        + path("bright", "M40 70c8-5 17-3 22 6-9 2-17 0-22-6zM94 70c-8-5-17-3-22 6 9 2 17 0 22-6z")
    )


def tracks(choices: Choices) -> str:
    """Footprints that lead to a house."""
    x = choices.between(40, 80)
    prints = "".join(
        f"M{x + n * 34} {178 - n * 18 + (n % 2) * 16}c-6-2-8-14-2-18 6-2 9 10 6 16-1 2-2 3-4 2z"
        for n in range(6)
    )
    return (
        hills(choices)
        + circle("glow", x + 190, 66, 64)
        + path("bright", prints)
        + path("line", f"M{x + 176} 84V58l16-14 16 14v26z")
    )


WORDS: dict[Motif, str] = {
    ship: "sea ocean ship sailor pirate boat harbour harbor island coast naval storm fishing "
    "meer see schiff insel mer bateau île mar barco isla 海",
    planet: "space planet star scifi science alien galaxy moon astronaut orbit cosmic "
    "weltraum raumschiff espace espacio nave 太空 科幻",
    skyline: "city urban cyberpunk noir heist street crime detective modern corporate future spy "
    "politics stadt krimi ville ciudad 城市",
    forest: "forest wood tree wild fairy tale fae druid elf hunting camping nature jungle witch "
    "wald hexe märchen forêt conte bosque 森林",
    peaks: "mountain snow winter ice climbing survival arctic cold expedition "
    "berg schnee eis montagne neige montaña nieve 山",
    house: "house home mystery murder ghost haunted village family romance cosy cozy gentle life "
    "haus geist maison casa 家",
    door: "horror dread night nightmare thriller psychological escape prison secret "
    "grusel nacht horreur terror noche 恐怖",
    castle: "fantasy castle king queen knight dragon medieval kingdom prince princess throne "
    "burg ritter drache château roi castillo rey 奇幻 武侠",
    dunes: "desert western sand sun cowboy outlaw frontier egypt wasteland "
    "wüste désert desierto 沙漠",
    road: "road travel journey border walking trip war apocalypse zombie postapocalyptic "
    "straße reise krieg route voyage camino viaje guerra 旅行",
    steps: "dungeon underworld mythology cave crypt temple tomb ruin underground god mine "
    "labyrinth höhle unterwelt grotte cueva 地下",
    letter: "letter love drama historical history epistolary diary post war-time "
    "brief liebe lettre amour carta amor 爱情",
    book: "magic school wizard library academy book student spell humour humor comedy "
    "magie schule zauber école magia escuela 魔法",
    gear: "steampunk machine robot clockwork engineer android ai factory mecha technology "
    "maschine roboter máquina robot 机器",
    tracks: "animal beast monster creature wolf bear dog cat dinosaur hunt "
    "tier wolf animal loup lobo 动物",
}
MOTIF_OF_WORD: dict[str, Motif] = {
    word: motif for motif, words in WORDS.items() for word in words.casefold().split()
}
ANY: tuple[Motif, ...] = (lamp, door, road, letter, steps, house, tracks)
