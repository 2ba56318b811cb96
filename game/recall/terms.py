"""What a text is found by: the stems of its words, and pairs of characters. Pure.

A term is a number of 23 bits, and one more that says whether it was written as a name. Words are
cut to their stems by Snowball, whose language is guessed from the text. Scripts that put no spaces
between words, and Korean, which glues its particles to them, are cut into pairs of characters.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import pairwise
from threading import Lock
from typing import Any, NamedTuple

from inference.prompts.cards import INVISIBLE, glued, word_pattern
from inference.reply.sentences import CLOSING, PHRASE, STOPS, ends_sentence
from inference.worker.summaries import CLOSED as ENGLISH_CLOSED

# Raise it when the same text gives other terms than before: everything is then indexed again.
FORMAT = 1

NAME = 1 << 23  # this bit of a term: written with a capital inside a sentence
HASH = NAME - 1
LONGEST_SENTENCE = 320  # code points; what is longer is cut at a pause or between words
MOST_SENTENCES = 250  # of a reply; what follows is not recalled
ACTION = 255  # in place of a sentence's number: the player's action
MOST_TERMS = 120  # of a sentence
LONGEST_WORD = 40
STEM_LENGTH = 5  # letters that are kept of words whose language is not known

# Words without weight, by the language that they give away. English has more of them elsewhere.
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
CLOSED["english"] |= ENGLISH_CLOSED
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
# Characters that stand in nearly every Chinese sentence: a pair with one of them says little.
COMMON_CHARACTERS = frozenset(
    "的了着在是你我他她它们和与就也都还又很不这那个么吗呢吧啊之其而且但把被给对从到向里上下"
)
WORD = word_pattern()
BREAK = re.compile(rf"[{STOPS};·][{STOPS};·{CLOSING}]*(?=(\s*))|(\n+)|(?<=[\u0e00-\u0eff])( )")
PAUSE = re.compile(r"[,;:—–，、；：](?=\s|[^\x00-\x7f])")


class Sentence(NamedTuple):
    """A sentence of a turn, and the terms that it is found by, each once, in order.

    `number` is its place in the reply, or ACTION.
    """

    number: int
    text: str
    terms: tuple[int, ...]


# ---- sentences


def sentences(text: str) -> list[str]:
    """The sentences of a text with single spaces, at most MOST_SENTENCES, each with a letter."""
    found: list[str] = []
    begin = 0
    for match in BREAK.finditer(text):
        end = match.end()
        space = match[1] or match[2] or match[3] or ""
        following = text[end + len(match[1] or "") :][:1]
        sentence = text[begin : match.start()] if space and not match[1] else text[begin:end]
        if not space and sentence.endswith("“"):  # it opens what a Chinese text says next
            sentence, end = sentence[:-1], end - 1
        if match[3] and len(sentence) < PHRASE:
            continue
        if following and not ends_sentence(sentence, space, following):
            continue
        add_sentence(found, sentence)
        begin = end
        if len(found) >= MOST_SENTENCES:
            return found[:MOST_SENTENCES]
    add_sentence(found, text[begin:])
    return found[:MOST_SENTENCES]


def add_sentence(found: list[str], sentence: str) -> None:
    """Append a sentence, shortened to LONGEST_SENTENCE, unless it has no letter."""
    sentence = " ".join(sentence.split())
    if any(each.isalnum() for each in sentence):
        found.append(shortened(sentence))


def shortened(sentence: str) -> str:
    """The sentence in at most LONGEST_SENTENCE code points, cut at a pause or between words."""
    if len(sentence) <= LONGEST_SENTENCE:
        return sentence
    part = sentence[: LONGEST_SENTENCE - 1]
    pauses = [match.start() for match in PAUSE.finditer(part)]
    if pauses and pauses[-1] > LONGEST_SENTENCE // 2:
        return part[: pauses[-1]] + "…"
    space = part.rfind(" ")
    return (part[:space] if space > LONGEST_SENTENCE // 2 else part) + "…"


# ---- terms


def sentences_of(text: str, language: str) -> list[Sentence]:
    """The sentences of a text with their terms."""
    every = enumerate(sentences(text))
    return [Sentence(number, each, terms_of(each, language)) for number, each in every]


def terms_of(text: str, language: str) -> tuple[int, ...]:
    """The terms of a sentence in a language, each once, in order, at most MOST_TERMS."""
    found: dict[int, int] = {}
    for _, term in words_of(text, language):
        found[term & HASH] = found.get(term & HASH, 0) | term
    return tuple(found.values())[:MOST_TERMS]


def words_of(text: str, language: str) -> Iterator[tuple[str, int]]:
    """The words of a sentence that have a weight, or pairs of characters, with their terms."""
    closed = CLOSED.get(language, frozenset())
    first = True
    for match in WORD.finditer(normalised(text)):
        word = match[0]
        if any(map(glued, word)):
            for pair in pairs(word):
                yield pair, hashed(pair)
        else:
            folded = word.casefold()
            if folded not in closed and (len(folded) > 1 or folded.isdigit()):
                name = not first and word[0].isupper()
                yield word, hashed(stem(folded[:LONGEST_WORD], language)) | (NAME if name else 0)
        first = False


def normalised(text: str) -> str:
    """`text` in NFC without invisible marks, so that equal words are equal."""
    return unicodedata.normalize("NFC", text).translate(INVISIBLE).replace("_", " ")


def pairs(run: str) -> list[str]:
    """The pairs of adjacent characters of a run, without those that say little.

    A run of one character is its own term.
    """
    run = run.casefold()
    if len(run) == 1:
        return [] if run in COMMON_CHARACTERS else [run]
    return [
        one + other
        for one, other in pairwise(run)
        if one not in COMMON_CHARACTERS and other not in COMMON_CHARACTERS
    ]


def hashed(term: str) -> int:
    """A term as a number, the same in every process."""
    return zlib.crc32(term.encode()) & HASH


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


@cache
def stemmer_for(language: str) -> Any:
    """Snowball's stemmer of a language; None without one."""
    import snowballstemmer  # noqa: PLC0415  the tables of 34 languages, which few processes need

    if language not in snowballstemmer.algorithms():
        return None
    return snowballstemmer.stemmer(language)


stemming = Lock()  # a stemmer keeps the word that it works on


@lru_cache(maxsize=50_000)
def stem(word: str, language: str) -> str:
    """The stem of a casefolded word. Cached."""
    with stemming:
        stemmer = stemmer_for(language)
        if stemmer is not None:
            return str(stemmer.stemWord(word))
    return word if word.isdigit() else word[:STEM_LENGTH]
