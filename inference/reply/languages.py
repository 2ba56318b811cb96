"""Whether a short text is English. Words decide that English and its neighbours do not share."""

import re

WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")

ENGLISH_WORDS = """
    the and to of on at with my your his her their our this that these those it its he she they we
    you i'm i've i'll i'd for from into onto is are have has had look take go open close get give
    put pull push run walk ask tell say shout whisper attack hit kill use try wait climb jump follow
    find search pick drop hide eat drink listen myself mine by through behind under over up down
    around back then while when what where who how if but not don't can't as out off away
"""
FOREIGN_WORDS = """
    tu te toi ton ta tes vous votre du dich dir dein deine deinen deinem
    tú tus contigo abres tomas coges miras vas dices sacas subes bajas corres entras
    je le les un une des et dans avec mon mes moi toi suis prends ouvre regarde vais lève dit
    der die das und ich mich mir mein meine meinen dem ein eine einen nicht ist auf zum zur nimm
    öffne geh schaue sage gehe nehme von für sie wir ihr
    el la los las una que en con mi mis yo estoy abro tomo miro voy abre toma mira para por al
    levanto siento llamo voglio il lo gli che nel della sono apro prendo guardo vado mio mia di da
    eu meu minha abro pego olho vou com uma não em ik mijn een het de naar met pak kijk ga niet
    jag och mitt jeg og att en ett det är på til till ikke inte
    się na ze jest otwieram biorę idę idziemy domu moją mój nie že ja jsem mám můj
    bir ve için benim mén si đi tôi và là của nyitok az és egy minä ja ovi avaan otan
"""
ENGLISH = frozenset(ENGLISH_WORDS.split())
FOREIGN = frozenset(FOREIGN_WORDS.split())
LATIN_BEYOND_ASCII = re.compile(r"[À-ɏḀ-ỿ]")


def english(text: str) -> bool:
    """Whether `text` reads as English. Where nothing tells, plain letters count as English.

    One or two words are little to go by, and wrong guesses cost little: a text that is not
    English stands in the story as it was typed.
    """
    words = [word.lower().replace("’", "'") for word in WORD.findall(text)]
    if not any(re.match(r"[a-zÀ-ɏ]", word) for word in words):
        return False
    ours = sum(word in ENGLISH for word in words)
    theirs = sum(word in FOREIGN for word in words)
    if ours or theirs:
        return 0 < ours >= theirs
    lower = " ".join(word for word in WORD.findall(text) if word[0].islower())
    return not LATIN_BEYOND_ASCII.search(lower)
