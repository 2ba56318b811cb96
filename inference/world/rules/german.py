"""The table for German."""
# ruff: noqa: E501  (patterns are read whole)

from inference.world.rules.tables import Language

DET = (
    r"(?:den|die|das|dem|der|einen|eine|ein|einem|deinen|deine|dein|deinem|ihren|ihre|ihr|Ihren|Ihre"
    r"|Ihr|seinen|seine|sein|meinen|meine|mein)"
)
THING = rf"{DET} (?:[a-zäöüß]+(?:e|en|er|es|em) ){{0,2}}(?P<name>[A-ZÄÖÜ][\wäöüß-]+)"
PLACE = rf"(?:{DET} )?(?:[a-zäöüß]+(?:e|en|er|es|em) ){{0,2}}(?P<name>[A-ZÄÖÜ][\wäöüß-]+)"
DU = r"(?:[Dd]u|Sie|und|,)"
SAYS = (
    r"(?:sagt|fragt|antwortet|ruft|flüstert|murmelt|schreit|meint|brummt|erklärt|lacht|nickt|lächelt"
    r"|seufzt|zischt|knurrt|stöhnt|erwidert|sagte|fragte|rief|antwortete)"
)
TO_PLACE = (
    r"(?:in|ins|auf|aufs|ans|an|zum|zur|nach|bis zum|bis zur|bis an|bis ans|bis in|bis ins|durch"
    r"|hinunter in|hinauf in|zurück in|zurück zum|zurück zur|hinaus auf|über)"
)

GERMAN = Language(
    thing=THING,
    place=PLACE,
    carried=(
        rf"{DU} (?:nimmst|packst|schnappst|ergreifst|holst|kaufst|fängst|bekommst|erhältst|behältst"
        rf"|pflückst|klaust|stiehlst|nehmen|holen) (?:dir |sich )?{{thing}}(?! ab\b| aus\b)",
        rf"{DU} (?:hebst|sammelst|liest|heben) {{thing}}[^.,;]* auf\b",
        rf"{DU} (?:steckst|stecken|packst|schiebst|stopfst) {{thing}}[^.,;]*"
        r"(?: ein\b| in (?:deine|die|Ihre|den|deinen) (?:Tasche|Jacke|Mantel|Rucksack|Beutel|Gürtel))",
        rf"{DU} (?:ziehst|holst) {{thing}}[^.,;]*(?: hervor| heraus| aus (?:der|deiner) Tasche)",
        r"(?:gibt|reicht|drückt|schenkt|überreicht|wirft|übergibt|leiht|bringt) (?:dir|Ihnen) {thing}",
        r"{thing} (?:ist|liegt|steckt) (?:jetzt |nun )?in (?:deiner|Ihrer) (?:Hand|Tasche)",
        rf"{DU} (?:hast|hältst|trägst) {{thing}}[^.,;]* (?:in der Hand|bei dir|in den Händen)",
    ),
    worn=(
        rf"{DU} (?:ziehst|streifst|legst) (?:dir )?{{thing}}[^.,;]* (?:an|über|um)\b",
        rf"{DU} (?:setzt) (?:dir )?{{thing}}[^.,;]* auf\b",
    ),
    lost=(
        rf"{DU} (?:gibst|reichst|schenkst|überlässt|übergibst) (?:[A-ZÄÖÜ]\w+ ){{1,2}}{{thing}}",
        rf"{DU} (?:gibst|reichst|schenkst) (?:ihm|ihr|ihnen|dem \w+|der \w+) {{thing}}",
        rf"{DU} verlierst {{thing}}",
        rf"{DU} (?:lässt) {{thing}}[^.,;]* (?:fallen|zurück|liegen|los)\b",
        r"{thing} (?:fällt|rutscht|gleitet|fliegt) (?:dir )?aus (?:der|deiner) (?:Hand|Tasche)",
        r"(?:nimmt|entreißt|stiehlt|schlägt|reißt) (?:dir|Ihnen) {thing}",
        r"(?<!\w)(?:[Dd]ein|[Dd]eine) (?P<name>[A-ZÄÖÜ][\wäöüß-]+) ist (?:weg|fort|verloren|zerbrochen"
        r"|verschwunden|kaputt)",
    ),
    loses=(
        r"\b(?:gibst|reichst|schenkst|überreichst|übergibst|überlässt|verlierst|verloren|wirfst|wirft|fällt"
        r"|lässt|zerbricht|zerspringt|zerreißt|verbrennt|verbrennst|isst|trinkst|verkaufst|legst|stellst"
        r"|versinkt|nimmt|entreißt|stiehlt|schnappt|packt|steckt|greift|opferst|tauschst|bricht|platzt"
        r"|verschwindet|rollt|rutscht|gleitet|fliegt|schlägt|reißt|schluckt|frisst|ist weg|ist fort"
        r"|verbraucht|bezahlst|hinterlässt|vergräbst|gossen|gießt|leerst|aß|nahm|warf|fiel|zerbrach|esst|aufgegessen|verschlingt|entgleitet|zerschellt|über Bord)\b"
    ),
    keeps=r"\b(?:dir (?:den|die|das|einen|eine|ein)|deine[rn]? (?:Tasche|Gürtel|Rucksack|Mantel|Hand)|steckst)\b(?!.* ab\b)",
    gives=(
        r"\b(?:gib|gebe|reiche?|schenke?|wirf|werfe|iss|esse|trinke?|verkaufe?|opfere?|überlasse?|lege?"
        r"|stelle?|verbrenne?|tausche?|lasse?|zerbrich|zerreiße?|bezahle?|überreiche?|übergib|übergebe)\b"
    ),
    speech=(
        rf"""(?:""|,)[,.]? {SAYS} (?:der |die |das )?{{who}}""",
        rf"{{who}} {SAYS}\b",
    ),
    here=(
        r"(?:kommt|tritt|erscheint|steht|sitzt|wartet|betritt) (?:plötzlich |jetzt |auch )?{who}\b",
        r"\b(?:kommt|tritt|steht|sitzt|lehnt|hockt|kniet|wartet|lacht|schläft|läuft|öffnet|erwartet dich)"
        r" (?:dort |schon |wieder |da )?{who}\b",
        r"\bEs ist {who}(?=[.!,])",
        r"{who} (?:steht|sitzt|lehnt|hockt|kniet|macht (?:die Tür )?auf|öffnet|sieht dich|hilft dir)\b",
        r"{who} (?:kommt|tritt|erscheint|betritt|steht neben|wartet|kehrt zurück)\b",
    ),
    left=(
        r"{who} (?:geht|läuft|rennt|reitet|fährt|verschwindet|eilt|stürmt|schleicht|flieht)[^.,;]*"
        r" (?:weg|fort|davon|hinaus|heraus|nach Hause|in die Nacht|in den Wald)\b",
        r"{who} (?:verlässt|verschwindet|flieht)\b",
        r"{who} (?:rennt|läuft|reitet|geht|fährt|stürmt|stapft)[^.,;]{0,30} los\b",
        r"\bist {who} (?:weg|fort|verschwunden|nicht mehr da|gegangen)\b",
        r"{who}[^.,;]{0,40}\bist [^.,;]{0,30}verschwunden\b",
        r"{who} ist (?:weg|fort|gegangen|verschwunden|nicht mehr da)\b",
    ),
    dead=(
        r"{who} (?:ist|liegt|bleibt|fällt|sinkt|war)[^.,;]{0,20} tot\b(?! (?:müde|traurig))",
        r"{who} (?:stirbt|starb|ertrank|ertrinkt)\b",
        r"{who} (?:atmet|lebt) nicht mehr\b",
        r"{who} (?:ist|wurde|wird)[^.,;]{0,30} (?:gestorben|getötet|ermordet|erschlagen|erschossen"
        r"|ertrunken|gefallen im Krieg)\b",
        r"(?:tötest|erschlägst|erschießt|erstichst) (?:den |die |das )?{who}\b",
        r"(?:Leiche|Leichnam) (?:von |des |der ){who}\b",
    ),
    dying=r"\b(?:tot|stirbt|starb|gestorben|getötet|ermordet|erschlagen|erschossen|ertrunken|leblos|verblutet|erstochen|erfroren|umgekommen|gefallen)\b(?! (?:müde|traurig))",
    at=(
        rf"{DU} (?:gehst|läufst|trittst|kommst|steigst|kletterst|rennst|kehrst|eilst|schleichst|reitest"
        rf"|fährst|wanderst|kriechst|betreten|gehen)[^.,;]{{0,40}} {TO_PLACE} {{place}}",
        rf"{DU} (?:betrittst|erreichst|betreten|erreichen) {{place}}",
        r"\b[Ii]hr (?:betretet|erreicht) {place}",
        rf"\b[Ii]hr (?:geht|lauft|kommt|steigt|klettert|rennt)[^.,;]{{0,40}} {TO_PLACE} {{place}}",
        rf"(?:zieht|führt|bringt|schleppt|trägt|zerrt|schiebt) dich[^.,;]{{0,30}} {TO_PLACE} {{place}}",
        rf"{DU} (?:bist|stehst|befindest dich) (?:jetzt |nun |wieder )?(?:in|im|auf|am|an) {{place}}",
    ),
    times=(
        (
            r"\bes (?:ist|wird) (?:schon |jetzt |bereits |wieder |tiefe )?(?:Nacht|dunkel)\b",
            "Nacht",
        ),
        (r"\b(?:die )?Nacht (?:bricht|ist) (?:an|herein|hereingebrochen)\b", "Nacht"),
        (r"\bes (?:ist|wird) (?:schon |jetzt |bereits |wieder )?(?:Morgen|hell)\b", "Morgen"),
        (r"\bder Morgen (?:graut|dämmert|bricht an)\b|\bdie Sonne geht auf\b", "Morgen"),
        (r"\bes (?:ist|wird) (?:schon |jetzt |bereits )?Abend\b|\bdie Sonne geht unter\b", "Abend"),
        (r"\bes ist (?:schon |jetzt |bereits )?Mittag\b", "Mittag"),
        (
            r"\bes ist (?:schon |jetzt |bereits )?Mitternacht\b|\bschlägt Mitternacht\b",
            "Mitternacht",
        ),
    ),
    takes=(
        r"(?i:\b(?:nimm|nehme|hole|hol|hebe|heb|greife|greif|packe|pack|schnapp\w*|sammle|stecke|steck))"
        r"(?: mir| nach)? {thing}",
    ),
    goes=(
        rf"(?i:\b(?:geh|gehe|lauf|laufe|renn|renne|kletter\w*|steig|steige|komm|reite|fahre|folge))"
        rf"[^.,;]{{0,30}}? {TO_PLACE} {{place}}",
        r"(?i:\bbetrete|\bbetritt) {place}",
    ),
    joints=r"[,;:]| und | aber | doch | während | als ",
    denied=(
        r"\b(?:nicht|nie|niemals|kein\w*|fast|beinahe|versuch\w*|willst|will|möchte\w*|würde\w*|könnte\w*"
        r"|hätte\w*|wäre\w*|kannst|kann|wenn|falls|als ob|sollst|solltest|vielleicht|statt|ohne|bevor)\b"
    ),
    aside=r"\b(?:träum\w+|im Traum|erinner\w+|stell\w* dir vor|denkst an)\b|\?$",
    but=r"\b(?:aber|doch|schneller|zu schwer|klemmt|greifst nach)\b",
    stays=(r"{who} bleibt (?:zurück|dort|im|in|am|an|auf|bei|stehen|sitzen)\b",),
    returned=r"\b(?:gibt|reicht|wirft|händigt) (?:ihn|sie|es) (?:dir |Ihnen )?(?:gleich |sofort |wieder )?(?:zurück|wieder)\b",
    offers=(
        r"\bhält (?:dir|Ihnen) {thing}[^.,;]* hin\b",
        r"\b(?:dir|Ihnen) {thing} (?:hin|entgegen)\b",
    ),
    takes_it=r"\b(?:[Dd]u|Sie|und) (?:nimmst|steckst|fängst|ergreifst|nehmen|stecken) (?:ihn|sie|es)\b(?![^.]*\bnicht\b)",
    pronoun="er|sie|Er|Sie(?= (?:ist|liegt|stirbt))",
    acts=r" (?!ist\b|war\b|hat\b|hatte\b|und\b|sein|wird\b|des\b)[a-zäöüß]+t\b",
    no_things=frozenset(
        [
            "hand",
            "hände",
            "arm",
            "arme",
            "kopf",
            "augen",
            "auge",
            "atem",
            "blick",
            "platz",
            "schritt",
            "weg",
            "tür",
            "fenster",
            "stuhl",
            "tisch",
            "zeit",
            "moment",
            "mut",
            "fuß",
            "füße",
            "finger",
            "schulter",
            "haar",
            "haare",
            "bein",
            "beine",
            "wand",
            "boden",
            "treppe",
            "ruhe",
            "abschied",
            "gelegenheit",
            "verfolgung",
            "flucht",
            "beine",
            "stimme",
            "wort",
            "worte",
        ]
    ),
    no_places=frozenset(
        [
            "hand",
            "hände",
            "tasche",
            "tür",
            "fenster",
            "tisch",
            "stuhl",
            "kopf",
            "augen",
            "mann",
            "frau",
            "kind",
            "bein",
            "knie",
            "boden",
            "seite",
            "richtung",
            "moment",
            "stelle",
            "weg",
            "schritt",
            "luft",
            "ecke",
            "rand",
            "spiegel",
            "gesicht",
            "bett",
            "schloss",
            "höhe",
        ]
    )
    - {"bett", "schloss"},
)
