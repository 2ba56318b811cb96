"""Words for what people are: "the jailer" is somebody, "the cabinet" is not."""

# Who may be called by what they are, where memory, cards or the state know them so.
ROLE_WORDS = """
    abbot abbess accountant actor actress admiral alchemist ambassador apprentice archer astronaut
    baker bailiff bandit barber barkeep barman baron baroness bartender beadle beggar bellboy
    bishop blacksmith boatman boatswain bodyguard bookseller bosun boss bouncer boy bride brigand
    brother burglar bursar butcher butler captain cardinal carpenter carter cashier chancellor
    chef chief clerk coachman cobbler colonel commander concierge conductor constable cook corporal
    count countess courier cousin cowboy crone curator customer dancer daughter deacon dealer
    dentist detective director diver doctor doorman driver drummer duchess duke editor elder
    emperor empress engineer farmer father ferryman fiddler fisherman fortune-teller foreman
    friar gamekeeper gaoler gardener general ghost giant girl goblin gravedigger grocer groom
    guard guide gunner gypsy headmaster headmistress herald hermit hostess housekeeper hunter
    husband hunchback innkeeper inspector jailer janitor jester jockey judge keeper king knight
    lady laird landlady landlord lawyer librarian lieutenant lodger lord magician magistrate maid
    major manager mate matron mayor mechanic medic merchant messenger midwife miller miner minister
    monk mother musician nephew niece nun nurse officer ogre operator orphan owner painter
    pedlar peddler photographer pilgrim pilot piper pirate poet poacher policeman policewoman
    porter postman preacher president priest priestess prince princess principal prisoner
    professor prophet queen ranger receptionist rector regent robber sailmaker sailor salesman
    scholar scout secretary senator sergeant servant sexton shaman sheriff shepherd shopkeeper
    singer skipper smith smuggler soldier son sorcerer squire stationmaster steward stewardess
    stoker stranger student surgeon tailor taxidermist teacher technician teller thief tinker
    traveller troll twin uncle usher vendor verger vicar viscount vizier waiter waitress warden
    warder watchman weaver widow widower wife witch wizard woodcutter woodsman
"""

# In languages whose nouns have articles of their own.
OTHER_ROLE_WORDS = """
    abbé capitaine colonel comte comtesse curé docteur duc duchesse garde gardien général juge
    maire médecin meunier moine notaire pêcheur prêtre prince princesse reine roi sergent sorcière
    sire seigneur vieux vieille marchand aubergiste boulanger forgeron chevalier évêque facteur
    abt arzt ärztin bäcker bauer bäuerin bischof bürgermeister fischer förster fürst fürstin
    general graf gräfin hauptmann hexe herzog jäger kaiser kapitän koch könig königin magd major
    meister müller nonne oberst pfarrer prinz prinzessin richter ritter schmied soldat wächter
    wirt wirtin zauberer händler kaufmann kommissar alte
    abuela abuelo alcalde alcaldesa bruja caballero capitán capitana cardenal conde condesa coronel
    cura doctor doctora duque duquesa general guardia juez marqués marquesa médica médico monja
    monje obispo panadero pescador posadero príncipe princesa reina rey sargento soldado viejo vieja
    adivina barquero mercader
"""
ROLES = frozenset(ROLE_WORDS.split())
ALL_ROLES = ROLES | frozenset(OTHER_ROLE_WORDS.split())
