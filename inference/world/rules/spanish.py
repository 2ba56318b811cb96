"""The table for Spanish."""
# ruff: noqa: E501  (patterns are read whole)

from inference.world.rules.tables import Language

DET = r"(?:el |la |los |las |un |una |unos |unas |tu |tus |su |sus |mi |mis |este |esta |ese |esa )"
STOP = r"(?!(?:y|en|con|de|del|al|a|que|por|para|sobre|bajo|se|te|lo|la|debajo|encima|dentro|detrás|hacia|desde)\b)"
THING = rf"{DET}(?P<name>[a-záéíóúñü]{{2,}}(?: {STOP}[a-záéíóúñü]{{3,}}(?= (?:y|de|del|en|con|que|a|al|por|sobre|entre)\b|[,.;]|$))?)"
PLACE = rf"(?:{DET})?(?P<name>[A-ZÁÉÍÓÚÑ]?[a-záéíóúñü]{{2,}})"
SAYS = (
    r"(?:dice|pregunta|responde|contesta|susurra|murmura|grita|añade|explica|suspira|ríe|gruñe|repite"
    r"|exclama|dijo|preguntó|respondió)"
)
TO_PLACE = r"(?:a|al|en|hasta|hacia|por)"
KEEP = r"(?:bolsillo|bolsa|mochila|chaqueta|abrigo|cinturón|zurrón|morral|alforja)"

SPANISH = Language(
    thing=THING,
    place=PLACE,
    carried=(
        r"\b(?:coges|tomas|agarras|recoges|guardas|robas|compras|recibes|aceptas|atrapas|arrancas|alzas"
        r"|levantas del suelo|te llevas|te guardas|Coges|Tomas|Agarras|Recoges|Guardas|Recibes) {thing}",
        rf"\b(?:metes|escondes|Metes|pones) {{thing}} en (?:el|la|tu) {KEEP}",
        rf"\b(?:sacas|Sacas) {{thing}} (?:del|de la|de tu) {KEEP}",
        r"\b[Tt]e (?:pone en la mano|da|entrega|pasa|ofrece y tomas|regala|lanza|devuelve|presta|tiende y) {thing}",
        r"{thing} está (?:ahora |ya )?en tu (?:mano|bolsillo|poder)",
    ),
    worn=(r"\b(?:te pones|Te pones|te calzas|Te calzas|vistes|te enfundas) {thing}",),
    lost=(
        r"\b(?:le das|les das|Le das|das|Das|entregas|Entregas|le entregas|regalas|devuelves) {thing}",
        r"\b(?:pierdes|Pierdes|sueltas|Sueltas|dejas caer|Dejas caer|tiras|Tiras|abandonas|lanzas"
        r"|arrojas) {thing}",
        r"{thing} se te (?:cae|escapa|resbala)",
        r"\b[Tt]e (?:quita|arrebata|roba|arranca) {thing}",
        r"\b[Tt]u (?P<name>[a-záéíóúñü]+) (?:ha desaparecido|se rompe|está rot[oa]|se hunde|ya no está)",
    ),
    loses=(
        r"\b(?:das|entregas|regalas|devuelves|pierdes|perdido|sueltas|dejas|tiras|abandonas|lanzas|arrojas"
        r"|comes|bebes|quemas|rompes|vendes|pones|quita|arrebata|roba|arranca|guarda|toma|coge|agarra"
        r"|recibe|acepta|quema|rompe|tira|arroja|lleva|cae|cayó|rueda|resbala|escapa|hunde|arde|parte"
        r"|desaparece|desaparecido|traga|come|muerde|vuela|pagas|gastas|cambias|viertes|entierras|ofreces"
        r"|tomó|cogió|rompió|perdió)\b"
    ),
    keeps=r"\bte (?:da|entrega|pasa|devuelve|tiende)\b|\btu (?:bolsillo|bolsa|mochila|cinturón|zurrón)\b|\b(?:en el|al) bolsillo\b",
    gives=(
        r"\b(?:doy|da|dar|dale|entrego|entrega|regalo|devuelvo|tiro|lanzo|arrojo|como|bebo|vendo|quemo|rompo"
        r"|dejo|suelto|pongo|ofrezco|pago|cambio|entierro|tira|lanza|suelta|deja|come|bebe)\b"
    ),
    speech=(
        rf"""(?:""|,),? {SAYS} {{who}}""",
        rf"{{who}} {SAYS}\b",
    ),
    here=(
        r"\b(?:está|entra|llega|aparece|viene|vuelve|espera) {who}\b",
        r"\b[Ee]s {who}(?=[.!,])",
        r"{who} (?:entra|llega|aparece|vuelve|se acerca|te espera|está (?:aquí|sentad[oa]|de pie|a tu"
        r" lado))\b",
    ),
    left=(
        r"{who} ya no está\b",
        r"{who} (?:se va|se marcha|sale|huye|desaparece|se aleja|se ha ido|se ha marchado)\b",
    ),
    dead=(
        r"{who} (?:está|cae|yace) (?:ya )?muert[oa]\b",
        r"{who} (?:muere|murió|ha muerto|se ahogó|se ha ahogado|fue asesinad[oa]|se ahoga)\b",
        r"(?:matas|asesinas|apuñalas hasta matar) a {who}\b",
        r"(?:cadáver|cuerpo sin vida) de {who}\b",
        r"\b(?:[Aa] )?{who} l[oa] (?:mataron|mató|han matado|asesinaron|fusilaron)\b",
        r"{who} (?:ya )?no respira\b",
    ),
    dying=r"\b(?:muert[oa]|muere|murió|ahogad[oa]|asesinad[oa]|sin vida|fallec\w+|expira|perece|ahorcad[oa]|matad[oa])\b",
    at=(
        rf"\b(?:sales|entras|vas|llegas|bajas|subes|corres|vuelves|regresas|caminas|trepas|cruzas|Sales"
        rf"|Entras|Vas|Llegas|Bajas|Subes|Corres|Vuelves|Regresas|Caminas)[^.,;]{{0,25}}?"
        rf" {TO_PLACE} {{place}}",
        rf"\bte (?:lleva|arrastra|conduce|empuja|guía)[^.,;]{{0,20}}? {TO_PLACE} {{place}}",
        r"\b(?:estás|Estás|te encuentras|Te encuentras) (?:ahora )?en {place}",
    ),
    times=(
        (
            r"\b(?:ya )?es (?:ya )?de noche\b|\bcae la noche\b|\banochece\b|\bha anochecido\b",
            "noche",
        ),
        (r"\b(?:ya )?es (?:de día|por la mañana)\b|\bamanece\b|\bsale el sol\b", "mañana"),
        (r"\b(?:ya )?es (?:por la tarde|de tarde)\b", "tarde"),
        (r"\b(?:ya )?es mediodía\b", "mediodía"),
        (r"\b(?:ya )?es medianoche\b|\bdan las doce de la noche\b", "medianoche"),
        (r"\bse pone el sol\b|\batardece\b", "atardecer"),
    ),
    takes=(
        r"(?i:\b(?:cojo|coge|coger|tomo|toma|tomar|agarro|agarra|recojo|recoge|robo|me llevo)) {thing}",
    ),
    goes=(
        rf"(?i:\b(?:voy|ve|ir|salgo|sal|entro|entra|subo|sube|bajo|baja|corro|corre|camino|camina|vuelvo))"
        rf"[^.,;]{{0,25}}? {TO_PLACE} {{place}}",
    ),
    joints=r"[,;:]| y | pero | mientras | cuando ",
    denied=(
        r"\b(?:no|nunca|casi|intentas|intenta|quieres|querrías|podrías|puedes|si|sin|antes de|como si"
        r"|tal vez|quizás?|en vez)\b"
    ),
    aside=r"\b(?:sueñas|en sueños|recuerdas|recuerda|imaginas|te acuerdas)\b|\?$",
    but=r"\b(?:pero|demasiado|más rápid[oa])\b",
    stays=(r"{who} (?:se queda|sigue|permanece) en\b", r"{who} no te sigue\b"),
    returned=r"\b(?:te|os|se) (?:lo|la|los|las) (?:devuelve|da otra vez)\b",
    offers=(r"\b[Tt]e (?:tiende|ofrece|muestra) {thing}",),
    takes_it=r"(?<!no )\b(?:[Ll]o|[Ll]a|[Ll]os|[Ll]as) (?:coges|tomas|guardas|aceptas|agarras|atrapas|recoges)\b",
    pronoun="[ÉéEe]l(?= )|[Ee]lla",
    acts=r" (?!es\b|era\b|está\b|ha\b|había\b|y\b|de\b|ya\b|no\b)(?:se |te )?[a-záéíóúñü]+",
    no_things=frozenset(
        [
            "mano",
            "manos",
            "brazo",
            "brazos",
            "cabeza",
            "ojos",
            "aliento",
            "mirada",
            "sitio",
            "paso",
            "camino",
            "puerta",
            "ventana",
            "silla",
            "mesa",
            "tiempo",
            "momento",
            "valor",
            "pie",
            "pies",
            "hombro",
            "pelo",
            "pared",
            "suelo",
            "escalera",
            "palabra",
            "palabras",
            "voz",
            "aire",
            "decisión",
            "pena",
            "cuenta",
            "gracias",
            "vuelta",
            "media",
        ]
    ),
    no_places=frozenset(
        [
            "mano",
            "manos",
            "bolsillo",
            "puerta",
            "ventana",
            "mesa",
            "silla",
            "cabeza",
            "ojos",
            "hombre",
            "mujer",
            "niño",
            "rodilla",
            "suelo",
            "lado",
            "dirección",
            "momento",
            "vez",
            "paso",
            "derecha",
            "izquierda",
            "él",
            "ella",
            "ellos",
            "ti",
            "mí",
            "través",
            "poco",
            "fondo",
            "medio",
            "borde",
            "ver",
            "buscar",
            "hablar",
            "casa",
        ]
    )
    - {"casa"},
)
