"""The language of a text, guessed from its script or from its commonest words. Pure.

`inference.reply.languages` only asks whether a short action is English, which is another question.
"""

import unicodedata

from inference.words import INVISIBLE, glued, word_pattern

# English words without weight. Other languages do without a list: names weigh most anyway.
ENGLISH_WORDS = """
    a an the and or but nor so yet if then than that this these those there here it its he him his
    she her hers they them their we us our i me my you your yours is are was were be been being am
    do does did done have has had will would can could may might must shall should not no of in on
    at to from by with into onto over under up down out off as for about after before while when
    where what who whom which how why all any each some more most other such only just very too
    again once now still one two back away like through around between
"""
CLOSED_ENGLISH = frozenset(ENGLISH_WORDS.split())

# Words without weight, by the language that they give away.
CLOSED_WORDS: dict[str, str] = {
    "english": """
        i i'm i've i'll you're you've it's don't didn't that's there's am let myself yourself
    """,
    "russian": """
        и а но или не ни я ты он она оно мы вы они меня тебя его её ему ей нас вас их мне тебе мой
        твой свой это этот эта в во на с со к ко у о об от до из за по под над при для без что кто
        где когда как так же бы ли уже ещё только есть был была было были то
    """,
    "german": """
        der die das den dem des ein eine einen einem einer und oder aber nicht ist sind war waren
        ich du er sie es wir ihr mich dich sich mir dir ihm ihn uns euch mein dein sein seine ihre
        auf in im an am mit von vom zu zum zur für aus bei nach über unter vor hat habe hast haben
        wird werden als wie was wer wo wenn dann doch noch nur auch so dass durch hier dort du
    """,
    "french": """
        le la les un une des du de et ou mais ne pas est sont était je tu il elle nous vous ils
        elles me te se mon ton son ma ta sa mes tes ses ce cette ces dans sur sous avec pour par à
        au aux en que qui quoi où quand comme plus très ici là vers ont ai as a avez est-ce y leur
    """,
    "spanish": """
        el la los las un una unos unas y o pero no es son era fue yo tú él ella nosotros ellos me te
        se lo le les mi tu su mis tus sus en con de del al por para que quien donde cuando como más
        muy aquí allí hay ha he has han está están este esta ese esa sobre hacia sin
    """,
    "italian": """
        il lo la i gli le un uno una e o ma non è sono era io tu lui lei noi voi loro mi ti si ci vi
        mio tuo suo mia tua sua in con di del della dei delle al alla dal nel nella sul sulla per
        che chi dove quando come più molto qui ha ho hai hanno questo questa quello quella verso
    """,
    "portuguese": """
        o a os as um uma uns umas e ou mas não é são era foi eu tu ele ela nós eles elas me te se
        lhe meu teu seu minha tua sua em no na nos nas com de do da dos das ao à por para que quem
        onde quando como mais muito aqui há tem você está este esta esse essa sobre sem pelo pela
    """,
    "dutch": """
        de het een en of maar niet is zijn was waren ik jij je hij zij ze wij we jullie mij me jou
        hem haar ons mijn jouw op in aan met van voor uit bij naar over onder te ten als dat die dit
        wie wat waar dan nog ook zo hier daar heeft hebben had wordt er door
    """,
    "swedish": """
        den det de en ett och eller men inte är var jag du han hon vi ni dem mig dig sig min din
        sin på i av med från för till om under över som att vad vem där när då har hade här så
    """,
    "danish": """
        den det de en et og eller men ikke er var jeg du han hun vi dem mig dig sig min din sin på i
        af med fra for til om under over som at hvad hvem hvor når da har havde her så
    """,
    "norwegian": """
        den det de en et ei og eller men ikke er var jeg du han hun vi dem meg deg seg min din sin
        på i av med fra for til om under over som at hva hvem hvor når da har hadde her så
    """,
    "finnish": """
        ja tai mutta ei on oli ovat minä sinä hän me te he se ne että kun jos niin kuin tämä tuo
        mikä kuka missä sen hänen minun sinun nyt vain myös
    """,
    "polish": """
        i a o u w z na do od po za ze się nie jest są był była było ja ty on ona my wy oni mnie
        ciebie mi ci go jej ich mój twój jego co kto gdzie kiedy jak że ale lub tylko też już
        dla przez przed pod nad tym ten ta to
    """,
    "turkish": """
        ve veya ama bir bu şu o ben sen biz siz onlar değil için ile de da mi mı ne kim nerede gibi
        çok daha var yok ki her
    """,
    "hungarian": """
        a az egy és vagy de nem van volt én te ő mi ti ők ez hogy ha mint ki mit hol mikor csak is
        már még meg el fel le
    """,
}
CLOSED = {language: frozenset(words.split()) for language, words in CLOSED_WORDS.items()}
CLOSED["english"] |= CLOSED_ENGLISH
# Scripts that give their language away.
BY_SCRIPT = {
    "CYRILLIC": "russian",
    "GREEK": "greek",
    "ARABIC": "arabic",
    "DEVANAGARI": "hindi",
    "TAMIL": "tamil",
    "ARMENIAN": "armenian",
    "HEBREW": "yiddish",
}
WORD = word_pattern()


def normalised(text: str) -> str:
    """`text` in NFC without invisible marks, so that equal words are equal."""
    return unicodedata.normalize("NFC", text).translate(INVISIBLE).replace("_", " ")


def language_of(text: str, otherwise: str = "") -> str:
    """The language of a text, by its script or by words that others do not share.

    `otherwise` where nothing tells.
    """
    words = [each.casefold() for each in WORD.findall(normalised(text[:4000]))]
    letters = "".join(words)
    foreign = next((each for each in letters if ord(each) > 0x24F and not glued(each)), "")
    if foreign:
        script = unicodedata.name(foreign, "").split(" ")[0]
        if script in BY_SCRIPT:
            return BY_SCRIPT[script]
    counts = {language: sum(map(closed.__contains__, words)) for language, closed in CLOSED.items()}
    best = max(counts, key=lambda language: counts[language])
    ties = sum(count == counts[best] for count in counts.values())
    return best if counts[best] and ties == 1 else otherwise
