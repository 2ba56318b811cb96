"""Words that the English rules go by."""


def words(text: str) -> frozenset[str]:
    """The words of a text, separated by spaces."""
    return frozenset(text.split())


# Where a noun phrase ends.
STOPS = words(
    """
    with to on in into onto from of off and at by for until till through over under behind before
    after out up down across along against toward towards around about near beside between inside
    outside yourself himself herself themselves but then so while as that who whom which whose
    what why how whether where when if is are was were be been am has have had do does did again
    the a an this these those my your his her its our their me you him it us them everything
    something anything nothing back away apart aside once twice now here there together like than
    round
    without beneath above below within upon among amid not no never just still too also or because
    since though although only even all both he she they we i can could will would may might must
    should very instead first home another each one's closer close forward forwards lower higher
    past tight tightly open shut wide free loose ashore overboard upstairs downstairs
    """
)
ARTICLES = words(
    """
    the a an your his her its their my our another some this that these those one two three four
    five six seven ten twenty thirty forty fifty several both each every any more what's enough no
    """
)
PART_OF = words(
    """
    piece pieces metres meters feet yards cup bunch pair bottle bag glass loaf handful bit set
    coil box sheet jar flask vial bundle stack pile roll length scrap slip pack packet book mug
    bowl basket sack tin can crate lump block bar ball stick spoon tube pinch slice chunk deck
    string bouquet
    """
)
# What is grabbed, held and taken without being carried.
NO_THINGS = words(
    """
    arm arms hand hands head hair shoulder shoulders wrist wrists elbow elbows finger fingers
    thumb leg legs foot feet knee knees ankle neck throat face eyes eye ear ears nose mouth lip
    lips chin cheek chest back waist heart collar sleeve lapel body jaw skin tongue palm palms
    side fist fists breath step steps look seat moment minute second seconds minutes hour while
    time turn turns chance risk cover care note notice place part action advantage aim charge hold
    stand position break rest nap sip bite swig gulp drag bow shower bath stroll walk trip ride
    picture photo photograph's leap deep corner left right path road stairs lift elevator train
    bus door doors doorway wall walls floor ceiling window windows handle knob doorknob latch rail
    railing railings banister ladder ledge edge rim lever wheel button switch lid end ends top
    bottom middle front rest half sight view air wind water light darkness dark silence sound
    noise smell scent voice word words name answer question idea thought thoughts hint offer deal
    bargain advice order orders blame blow punch kick hit glance smile nod shrug sigh laugh grin
    push shove pull tug wave kiss hug slap pat squeeze smirk frown shake wink tap knock stare
    balance footing way nerve temper consciousness grip touch track interest patience hope control
    attention gaze person people man men woman women boy boys girl girls child children captain
    guard guards teller cook mayor sergeant stranger friend friends brother sister mother father
    crowd crew dog cat horse hen hens chicken goose bird thing things something lot bit more
    weight ground table chair bench counter desk bed shelf room house ship boat car deck
    opportunity measure measures liberty trouble pulse temperature measurements inventory stock
    toll lead responsibility credit wrong same next last first other others rope's direction shape
    telephone receiver handset
    form inch mile pace paces distance detour course sense comfort shelter refuge courage strength
    power revenge pity pleasure pride effect oath vow secret secrets truth news story tale
    conversation argument attempt effort attention's feeling pain fear anger hang start job work
    day night life lives price cost sum total number numbers drink information message fall dive
    run jump run-up deck's attempts moments branch branches trunk beam beams post pole pillar bars
    gate hatch bet odds shot shots control controls reins helm leave heed pains stance pose
    """
)
# Worn, if they are put on; others that are "put on" are not.
WEARABLE = words(
    """
    coat coats cloak cape jacket hat cap helmet hood gloves glove mitten mittens boot boots shoe
    shoes socks sock slippers sandals shirt blouse dress gown robe robes trousers pants breeches
    skirt belt scarf shawl mask goggles glasses spectacles ring rings necklace amulet pendant
    bracelet crown armour armor mail vest waistcoat uniform apron suit tie wig veil harness
    backpack pack rucksack earrings earring watch badge headphones helmet visor sweater jumper
    overcoat raincoat parka sash costume disguise jewels tunic leggings gauntlets gauntlet
    breastplate collar chain medallion locket anorak oilskins oilskin lifejacket
    """
)

PLACES = words(
    """
    flat apartment building suite pavilion jetty slipway lock dam reservoir spring waterfall moor
    heath common camp conservatory bandstand bow stern nest dormitory refectory cloister crossing
    corner-shop pawnshop butcher's baker's barber's chemist's pharmacy post-office fort outpost
    checkpoint border frontier sauna spa baths gym canteen cafeteria diner bakery brewery winery
    distillery parsonage vicarage rectory lodge cabin bungalow villa estate compound camp
    observatory planetarium aquarium zoo menagerie kennel coop sty dairy creamery henhouse pigsty
    hayloft stall turret battlements ramparts drawbridge moat keep bailey undercroft catacombs
    ossuary mausoleum anteroom antechamber solar nursery playroom boudoir smithy rink allotment
    quay gorge pass glacier volcano crater lagoon reef atoll delta estuary headland cape
    promontory bay cove inlet room kitchen hall hallway corridor street alley alleyway lane avenue
    road path trail forest woods wood grove glade clearing jungle swamp marsh cave cavern caves
    tunnel tunnels passage passageway cellar basement crypt vault tomb cabin hold deck ship boat
    ferry barge raft submarine car carriage compartment train tram bus station platform subway
    office shop store bakery smithy forge tavern inn pub bar saloon café cafe restaurant hotel
    house home hut shack shed barn stable stables cottage manor mansion palace castle fortress
    fort keep tower church chapel cathedral temple shrine monastery abbey graveyard cemetery
    bridge crossroads field fields meadow pasture orchard vineyard garden gardens greenhouse yard
    courtyard square plaza market marketplace bazaar beach shore shoreline riverbank bank river
    stream lake lakeside pond sea ocean coast island cliff cliffs ravine canyon gorge mountain
    mountains peak summit hill hilltop hillside valley plain plains desert dunes oasis village
    hamlet town city harbour harbor dock docks pier quay wharf port lighthouse library archive
    archives school classroom university laboratory lab hospital infirmary ward clinic surgery
    prison jail cell dungeon attic loft roof rooftop stairs staircase stairwell landing bathroom
    bedroom chamber chambers study parlour parlor lounge lobby foyer vestibule porch veranda
    balcony terrace pantry larder scullery closet cupboard wardrobe gate gateway door doorway
    entrance threshold outside arena stadium theatre theater stage cinema museum gallery ballroom
    throne-room court courtroom warehouse factory mill mine shaft quarry workshop garage hangar
    airport spaceship airlock bridge cockpit engine-room galley bunk berth wheelhouse crow's-nest
    tent camp campsite caravan wagon circus fair fairground park playground pool sewer sewers
    drain pit trench bunker elevator booth cabin cable-car well arcade ford weir bank bus-stop
    bedside embassy consulate headquarters barracks armoury armory treasury depot junction maze
    labyrinth ruins underworld counter customs shed wheelhouse bilge boathouse windmill
    """
)
NO_PLACES = words(
    """
    trouble pain luck love danger charge time silence surprise shock fear way position hurry line
    state mood doubt business sight answer end point decision conclusion agreement realisation
    realization word stop view focus thought hand arms
    """
)

STARTERS = words(
    """
    You Your Yours The A An It Its It's There There's This That These Those Nobody No None He She
    They His Her Hers Their We Our I My And But Then Now In On At As When While Behind Beside
    Under After Before Above Below Across Along Around Inside Outside Into From With Without To By
    For Of Off Over Through Up Down Out If So Or Not Nor Yet Still Just Only Even Here Once Two
    Three Four Five Six Seven Eight Nine Ten One Some Someone Somebody Something Everyone
    Everybody Everything Nothing All Both Each Every Another Other Others Either Neither Most Many
    Few Several Much More What Where Who Whose Which Why How Whatever Whoever Perhaps Maybe
    Suddenly Slowly Quickly Finally Outside Somewhere Nowhere Everywhere Nearby Meanwhile Instead
    Again Yes Okay Well Oh Ah Until Since Because Although Though Whether Unless Like Near Between
    Among Against Beyond Beneath Dear God Lord Heaven Please Thank Thanks Good Bad Go Come Stop
    Wait Look Listen Let Don't Can't Monday Tuesday Wednesday Thursday Friday Saturday Sunday
    January February March April May June July August September October November December
    Christmas Easter English French German Spanish Silence Darkness Night Day Morning Evening Time
    Water Light Rain Snow Wind Smoke Fire Ice Steam Footsteps Voices Music Blood Dust People Men
    Women Children Half Nothing's Mother's Father's Today Tonight Tomorrow Yesterday Later Soon
    Next Last First Second Third Together Together Above Upstairs Downstairs Ahead Overhead
    Underneath Within Throughout Despite During Except Toward Towards Upon Amid Almost Already
    Always Never Sometimes Often Usually Carefully Gently Quietly I'm I've I'll You're You've
    You'll He's She's They're We're That's What's Who's Let's
    """
)

SPEECH = words(
    """
    say ask reply answer whisper mutter shout murmur add call cry bark snap growl continue explain
    laugh sigh breathe croak grunt repeat admit tell speak exclaim hiss mumble begin agree
    announce declare insist interrupt suggest demand warn yell scream observe remark counter
    """
)
ACTS = words(
    """
    look nod smile grin frown scowl glare stare gaze glance shrug turn walk step stand sit lean
    kneel crouch point wave hold take put pull push open close shut lift raise lower drop pick
    grab reach give hand pass offer throw toss catch draw aim fire shoot hit strike kick run jump
    climb come go move follow lead shake wipe scratch rub tap knock bang cut tie light blow drink
    eat chew swallow spit cough sneeze laugh cry weep sob sniff sing hum whistle dance play read
    write count watch listen hear wait stop pause start begin try keep stay bend bow press fold
    cross roll set lay clear scrape touch stroke pat pet hug kiss slap squeeze clap rise blink
    wink squint study examine inspect consider think know wonder see find notice help work fix
    mend row steer drive carry drag bring fetch tear break rip untie unlock lock ring breathe gasp
    groan moan grimace wince flinch shiver tremble swing stumble stagger hesitate straighten swear
    curse beckon gesture bark growl wag limp circle settle spread peer crane tilt jerk pace
    rummage search hurry approach join meet greet thank recognise recognize ignore obey refuse let
    make show tuck slide slip stretch yawn sleep wake hang rest appear arrive return enter want
    need ask leave wear remain is has
    """
)
MOOD_WORDS = {
    "angry": "angry furious enraged livid cross mad irate annoyed irritated",
    "afraid": "afraid frightened scared terrified",
    "suspicious": "suspicious wary distrustful mistrustful",
    "grateful": "grateful thankful",
    "friendly": "friendly warm kind",
    "hostile": "hostile",
    "pleased": "pleased delighted happy glad",
    "hurt": "hurt offended insulted",
    "disappointed": "disappointed",
    "jealous": "jealous envious",
    "ashamed": "ashamed",
    "trusting": "trusting",
    "impressed": "impressed",
    "worried": "worried concerned",
    "sad": "sad",
    "cold": "cold",
    "curious": "curious",
    "nervous": "nervous",
    "calm": "calm",
}
MOODS = {word: mood for mood, alike in MOOD_WORDS.items() for word in alike.split()}
FEELINGS = words(
    """
    smile nod grin frown scowl shrug listen wink sniff grimace wince hesitate glance glare stare
    chuckle giggle blush squint weep sob kneel beckon gesture swear curse yawn whistle
    """
)

# Stops that may also be the first word of a name: "the back room".
ADJECTIVES = words(
    "round back first open very home other next last outside inside free loose wide lower"
)
STATE_WORDS = """
    is was has does as its his this perhaps always sometimes besides less thus us yes owns means
    seems belongs lives works owes needs loves likes hates hopes believes deserves remembers
    resembles costs weighs looms depends happens matters exists consists contains lacks knows
    misses towards afterwards hers theirs yours ours across perhaps whereas unless nonetheless
    remains trusts fears expects wishes dreams
"""
VAGUE = words(
    "thing things something object objects item items equipment stuff belongings anything"
)
THINGS_IN_ING = words("ring king earring string spring painting drawing clothing wing")
ADVERBS_IN_LY = words("jelly belly lily holy lovely family ugly friendly silly woolly")
