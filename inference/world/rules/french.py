"""The table for French."""
# ruff: noqa: E501  (patterns are read whole)

from inference.world.rules.tables import Language

DET = r"(?:le |la |les |l'|un |une |des |du |de la |ton |ta |tes |votre |vos |son |sa |ses |mon |ma |mes )"
NOUN = r"[a-zà-ÿœ'-]{2,}(?: (?:de|d'|à|en) ?[a-zà-ÿœ-]{3,})?"
STOP = r"(?!(?:et|dans|sur|sous|au|aux|à|qui|que|pour|avec|du|par|de)\b)"
THING = rf"{DET}(?P<name>[a-zà-ÿœ'-]{{2,}}(?: {STOP}[a-zà-ÿœ-]{{3,}}(?= (?:et|de|du|dans|sur|au|à|qui|avec)\b|[,.;]|$))?)"
PLACE = rf"(?:{DET})?(?P<name>[A-ZÀ-Ý]?[a-zà-ÿœ'-]{{2,}})"
TU = r"(?:[Tt]u|[Vv]ous|et|,)"
SAYS = (
    r"(?:dit|demande|répond|murmure|crie|chuchote|souffle|ajoute|explique|soupire|rit|grogne|hurle"
    r"|répète|lance|fait)"
)
TO_PLACE = r"(?:dans|jusqu'à|jusqu'au|au|aux|à|vers|en|sur|chez)"

FRENCH = Language(
    thing=THING,
    place=PLACE,
    carried=(
        rf"{TU} (?:prends|prenez|ramasses|ramassez|attrapes|attrapez|saisis|saisissez|empoches|gardes"
        rf"|recueilles|achètes|voles|reçois|acceptes|décroches|cueilles|récupères) {{thing}}",
        rf"{TU} (?:glisses|mets|ranges|fourres|glissez|mettez|rangez) {{thing}}[^.;]* dans"
        r" (?:ta|votre|ton|la) (?:poche|sac|veste|manteau|ceinture|besace)",
        rf"{TU} (?:sors|tires|sortez|tirez) {{thing}} de (?:ta|votre|ton) (?:poche|sac|veste|ceinture)",
        r"(?:[Tt]e|[Vv]ous) (?:met dans la main|donne|tend et|remet|passe|offre|confie|lance|rend|prête|glisse) {thing}",
        r"{thing} est (?:maintenant |déjà )?dans (?:ta|votre) (?:main|poche)",
    ),
    worn=(
        rf"{TU} (?:enfiles|mets|enfilez|mettez|passes|revêts|coiffes|chausses) "
        rf"{DET}(?P<name>manteau|veste|chapeau|bottes|gants|cape|chemise|robe|bague|masque|casque"
        r"|casquette|écharpe|pull|chaussures|uniforme|armure|capuche|anneau|collier|ceinture)",
    ),
    lost=(
        rf"{TU} (?:donnes|tends|remets|donnez|tendez|remettez|offres|rends|confies) {{thing}}"
        r" (?:à|au|aux) ",
        rf"{TU} (?:lui|leur) (?:donnes|tends|remets|donnez|remettez|rends) {{thing}}",
        rf"{TU} (?:perds|perdez|laisses tomber|laissez tomber|abandonnes|lâches|jettes|jetez) {{thing}}",
        r"{thing} (?:te|vous) (?:échappe|glisse) (?:des mains|de la main)",
        r"(?:prend|arrache|vole|emporte) (?:ton |ta |tes |votre |vos )(?P<name>[a-zà-ÿœ'-]+)",
        r"(?:[Tt]e|[Vv]ous) (?:prend|arrache|vole|confisque) {thing}",
        r"(?:[Tt]on|[Tt]a|[Vv]otre) (?P<name>[a-zà-ÿœ-]+) (?:a disparu|est perdue?|est cassée?|se brise)",
    ),
    loses=(
        r"\b(?:donnes|donnez|tends|tendez|remets|remettez|offres|offrez|rends|rendez|confies|perds|perdez"
        r"|perdu|laisses|laissez|abandonnes|lâches|jettes|jetez|lances|poses|posez|manges|mangez|bois"
        r"|buvez|brûles|casses|vends|vendez|prend|prit|arrache|vole|emporte|confisque|garde|empoche"
        r"|saisit|brûle|casse|déchire|jette|tombe|roule|glisse|échappe|brise|coule|disparaît|disparu"
        r"|avale|ramasse|attrape|range|reçoit|accepte|dépenses|payes|verses|échanges|enterres|s'envole"
        r"|s'éteint pour toujours|en deux|en morceaux)\b"
    ),
    keeps=r"\b(?:te|vous) (?:donne|tend|rend|remet|passe)\b|\b(?:ta|votre) (?:poche|besace|ceinture)\b|\bton sac\b",
    gives=(
        r"\b(?:donne|donner|tends|remets|offre|rends|confie|jette|lance|mange|bois|vends|brûle|pose|lâche"
        r"|laisse|casse|déchire|échange|verse|paie|abandonne)\b"
    ),
    speech=(
        rf"""(?:""|,),? {SAYS} (?:le vieux |la vieille )?{{who}}""",
        rf"{{who}} {SAYS}\b",
    ),
    here=(
        r"{who} (?:entre|arrive|apparaît|revient|surgit|s'approche|(?:vous|t'|te) ?attend|vous rejoint"
        r"|te rejoint|est là|est assise?|se tient)\b",
        r"(?:entre|arrive|apparaît|surgit|attend|se tient) {who}\b",
        r"\b[Cc]'est {who}(?=[.!,])",
    ),
    left=(
        r"{who} (?:s'en va|part|sort|s'enfuit|disparaît|quitte|s'éloigne|est partie?|est sortie?)\b",
        r"{who} [^.;]*\bl'emporte dans\b",
        r"{who} n'est plus (?:là|ici)\b",
        r"{who} (?:a disparu|a quitté|s'est enfuie?)\b",
    ),
    dead=(
        r"{who} est (?:morte?|décédée?|tombée? morte?)\b",
        r"{who} (?:meurt|est tuée?|a été tuée?|a été assassinée?|s'est noyée?|tombe raide morte?)\b",
        r"(?:tues|tuez|assassines) {who}\b",
        r"{who} ne respire plus\b",
        r"(?:cadavre|corps sans vie) (?:de |d'){who}\b",
    ),
    dying=r"\b(?:morte?|meurt|mourut|décédée?|tuée?|assassinée?|noyée?|sans vie|expire|succombe|péri|pendue?|abattue?)\b",
    at=(
        rf"{TU} (?:entres|entrez|vas|allez|arrives|arrivez|descends|descendez|montes|montez|cours|courez"
        rf"|retournes|retournez|reviens|pénètres|sors|sortez|grimpes)[^.,;]{{0,25}}?"
        rf" {TO_PLACE} {{place}}",
        rf"{TU} (?:marches|marchez)[^.,;]{{0,25}}? (?:jusqu'à|jusqu'au|au|à) {{place}}",
        rf"{TU} (?:atteins|atteignez|rejoins|rejoignez|gagnes) {{place}}",
        rf"(?:t'|vous |te )(?:emmène|conduit|traîne|entraîne|mène)[^.,;]{{0,20}}? {TO_PLACE} {{place}}",
        rf"{TU} (?:es|êtes|te trouves|vous trouvez) (?:maintenant )?(?:dans|au|à|sur|en) {{place}}",
    ),
    times=(
        (r"\bil fait (?:déjà |maintenant )?nuit\b|\bla nuit (?:tombe|est tombée)\b", "nuit"),
        (r"\bc'est (?:déjà |maintenant )?la nuit\b", "nuit"),
        (
            r"\bc'est (?:déjà |maintenant )?le matin\b|\ble jour se lève\b|\ble soleil se lève\b",
            "matin",
        ),
        (r"\bc'est (?:déjà )?le soir\b|\ble soir tombe\b|\ble soleil se couche\b", "soir"),
        (r"\bil est (?:déjà )?midi\b", "midi"),
        (r"\bil est (?:déjà )?minuit\b|\bminuit sonne\b", "minuit"),
        (r"\bl'aube (?:se lève|point)\b|\bc'est l'aube\b", "aube"),
    ),
    takes=(
        r"(?i:\b(?:prends|prendre|ramasse|ramasser|attrape|saisis|saisir|vole|récupère|empoche)) {thing}",
    ),
    goes=(
        rf"(?i:\b(?:va|vais|aller|marche|cours|monte|descends|entre|retourne|sors|grimpe|rentre))"
        rf"[^.,;]{{0,25}}? ?{TO_PLACE} {{place}}",
    ),
    joints=r"[,;:]| et | mais | pendant que | tandis que | quand ",
    denied=(
        r"\b(?:ne|n'|jamais|presque|essaies|essayez|tentes|veux|voudrais|pourrais|peux|si|sans|avant de"
        r"|comme si|peut-être|au lieu)\b|\bn'"
    ),
    aside=r"\b(?:rêves?|rêvez|en rêve|souviens|souvenez|imagines?|imaginez)\b|\?$",
    but=r"\b(?:mais|trop lourde?|plus vite|coincée?)\b",
    stays=(r"{who} reste\b", r"{who} ne (?:te|vous) suit pas\b"),
    returned=r"\b(?:le|la|les) (?:(?:te|vous) )?rend\b|\b(?:te|vous) (?:le|la|les) rend\b",
    offers=(r"\b(?:[Tt]e|[Vv]ous) (?:tend|offre|montre) {thing}",),
    takes_it=r"\b(?:[Tt]u|[Vv]ous) (?:(?:le|la|les) |l')(?:prends|ranges|mets dans|glisses|empoches|gardes|acceptes|attrapes|prenez|rangez|glissez|empochez|gardez|acceptez|attrapez)\b",
    pronoun="[Ii]l|[Ee]lle",
    acts=r" (?!est\b|était\b|a\b|avait\b|et\b|de\b|ne\b|n')[a-zà-ÿ']+",
    no_things=frozenset(
        [
            "main",
            "mains",
            "bras",
            "tête",
            "yeux",
            "souffle",
            "regard",
            "place",
            "pas",
            "chemin",
            "porte",
            "fenêtre",
            "chaise",
            "table",
            "temps",
            "moment",
            "courage",
            "pied",
            "pieds",
            "épaule",
            "cheveux",
            "mur",
            "sol",
            "escalier",
            "parole",
            "mots",
            "voix",
            "air",
            "fuite",
            "décision",
            "peine",
            "soin",
            "garde",
            "part",
        ]
    ),
    no_places=frozenset(
        [
            "main",
            "mains",
            "poche",
            "porte",
            "fenêtre",
            "table",
            "chaise",
            "tête",
            "yeux",
            "homme",
            "femme",
            "enfant",
            "genou",
            "sol",
            "côté",
            "direction",
            "moment",
            "fois",
            "pas",
            "droite",
            "gauche",
            "terre",
            "lui",
            "elle",
            "eux",
            "toi",
            "vous",
            "moi",
            "peine",
            "nouveau",
            "travers",
            "peu",
            "coup",
            "fond",
            "bout",
            "milieu",
            "bord",
        ]
    ),
)
