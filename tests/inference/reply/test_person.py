"""What a player does, in the second person: one example a line, typed => shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.reply import second_person, shown_action

TABLE = """
I take my sword => You take your sword.
i take my sword => You take your sword.
take my sword => You take your sword.
Take the lamp => You take the lamp.
I'm going to hide myself => You're going to hide yourself.
I’m ready => You're ready.
I am ready => You are ready.
I am not afraid => You are not afraid.
I'm not afraid of him => You're not afraid of him.
I was here before => You were here before.
I wasn't there => You weren't there.
I've been here => You've been here.
I'll open it => You'll open it.
I'd rather wait => You'd rather wait.
I am => You are.
I never was a thief => You never were a thief.
I also am a wizard => You also are a wizard.
I always am careful => You always are careful.
am I alone? => Are you alone?
where am I? => Where are you?
who am I? => Who are you?
was I seen? => Were you seen?
wasn't I here before? => Weren't you here before?
aren't I clever => Aren't you clever.
what am I holding? => What are you holding?
can I open the door? => Can you open the door?
do I see anyone? => Do you see anyone?
do a backflip => You do a backflip.
have a drink => You have a drink.
what do I see? => What do you see?
is the door locked? => Is the door locked?
look at me => You look at yourself.
Look at me in the mirror => You look at yourself in the mirror.
I look at myself => You look at yourself.
I look at me => You look at yourself.
the guard looks at me => The guard looks at you.
He looks at me => He looks at you.
he hits me and I fall => He hits you and you fall.
she gives me her hand => She gives you her hand.
tell him to look at me => You tell him to look at you.
ask the guard to follow me => You ask the guard to follow you.
I ask her to help me => You ask her to help you.
I want the wizard to teach me => You want the wizard to teach you.
I watch the guard look at me => You watch the guard look at you.
heal me => You heal yourself.
cast a healing spell on me => You cast a healing spell on yourself.
I point the gun at me => You point the gun at yourself.
I try to save me => You try to save yourself.
I talk to me => You talk to yourself.
I look behind me => You look behind you.
I close the door behind me => You close the door behind you.
look around me => You look around you.
I put the bag in front of me => You put the bag in front of you.
I take the lamp with me => You take the lamp with you.
pull the blanket over me => You pull the blanket over you.
I push him away from me => You push him away from you.
I stand between them and me => You stand between them and you.
I think about me => You think about yourself.
I look about me => You look about you.
it's me => It's you.
tell them it was me => You tell them it was you.
I hope it saves me => You hope it saves you.
I pull the lever and hope it saves me => You pull the lever and hope it saves you.
pray that nobody sees me => You pray that nobody sees you.
hide until they forget me => You hide until they forget you.
wait for him to pass me => You wait for him to pass you.
wash me => You wash yourself.
I wash and dry me => You wash and dry yourself.
I buy a drink for me => You buy a drink for yourself.
I draw a picture of me => You draw a picture of yourself.
me and Bob go north => You and Bob go north.
Bob and I go north => Bob and you go north.
take Bob and me home => You take Bob and you home.
give him mine => You give him yours.
that sword is mine => That sword is yours.
this is a friend of mine => This is a friend of yours.
mine is bigger => Yours is bigger.
Mine are better => Yours are better.
the sword is not mine => The sword is not yours.
I enter the mine => You enter the mine.
explore the old mine => You explore the old mine.
mine the gold => You mine the gold.
I mine for coal => You mine for coal.
I want to mine some ore => You want to mine some ore.
mine gold => You mine gold.
go to the coal mine => You go to the coal mine.
compare his sword to mine => You compare his sword to yours.
his hand in mine => His hand in yours.
I take his and leave mine => You take his and leave yours.
I hurt myself => You hurt yourself.
do it myself => You do it yourself.
I myself open the door => You yourself open the door.
my sword falls => Your sword falls.
my lamp goes out => Your lamp goes out.
Oh my god => Oh my god.
my hands shake, but I climb => Your hands shake, but you climb.
quickly I run => Quickly you run.
Quickly, I run => Quickly, you run.
then I go => Then you go.
Then I go home => Then you go home.
then go north => Then you go north.
now open it => Now you open it.
next, take the key => Next, you take the key.
finally I sleep => Finally you sleep.
suddenly I remember my name => Suddenly you remember your name.
slowly open the door => You slowly open the door.
slowly and carefully open the door => You slowly and carefully open the door.
quietly, carefully open the box => You quietly, carefully open the box.
carefully, open the door => Carefully, you open the door.
rely on my luck => You rely on your luck.
fly to the moon => You fly to the moon.
reply to the letter => You reply to the letter.
apply my ointment => You apply your ointment.
without a word I leave => Without a word you leave.
with my sword, attack the orc => With your sword, you attack the orc.
when the guard sleeps, I take his key => When the guard sleeps, you take his key.
when the guard sleeps, take his key => When the guard sleeps, you take his key.
if he attacks, hit him => If he attacks, you hit him.
after that I sit down => After that you sit down.
while he talks I steal his hat => While he talks you steal his hat.
before I go, I kiss her => Before you go, you kiss her.
as quietly as I can, I open the window => As quietly as you can, you open the window.
shout "I am here" at my reflection => You shout "I am here" at your reflection.
say "my name is Wren" to my guard => You say "my name is Wren" to your guard.
I say “I am my own master” and leave => You say “I am my own master” and leave.
I say ‘I am lost’ and sit => You say ‘I am lost’ and sit.
I say 'I am lost' and sit => You say 'I am lost' and sit.
I whisper 'I'm lost' to my dog => You whisper 'I'm lost' to your dog.
tell him 'my father's house is mine' => You tell him 'my father's house is mine'.
the soldiers' camp is my goal => The soldiers' camp is your goal.
I take the soldiers' food and my bag => You take the soldiers' food and your bag.
don't wake my brother => You don't wake your brother.
I don't know => You don't know.
I can't see my hand => You can't see your hand.
I won't give up => You won't give up.
I shouldn't have come => You shouldn't have come.
say I'm here => You say you're here.
say that I am the king => You say that you are the king.
write «I was here» on my wall => You write «I was here» on your wall.
shout „ich bin ich" at me => You shout „ich bin ich" at yourself.
I shout "I surrender => You shout "I surrender.
I hum 'tis my song => You hum 'tis your song.
I give 'em my sword => You give 'em your sword.
rock 'n' roll with my guitar => You rock 'n' roll with your guitar.
'I am here' I say => 'I am here' you say.
"Who is there?" => You say "Who is there?"
I take the sword I found => You take the sword you found.
open the box that I carry => You open the box that you carry.
the box I carry opens => The box you carry opens.
use the key which was given to me => You use the key which was given to you.
the man who attacked me falls => The man who attacked you falls.
kick the man who was following me => You kick the man who was following you.
I turn and am ready => You turn and are ready.
I opened the door and was surprised => You opened the door and were surprised.
I see a door and was it open? => You see a door and was it open?
if I were king => If you were king.
so was I => So were you.
neither am I => Neither are you.
as I was walking, I sang => As you were walking, you sang.
there I was => There you were.
it is I => It is you.
I AM READY => YOU ARE READY.
I TAKE MY SWORD => YOU TAKE YOUR SWORD.
TAKE MY SWORD => YOU TAKE YOUR SWORD.
LOOK AT ME => YOU LOOK AT YOURSELF.
wake at 3 am => You wake at 3 am.
I leave at 10 am with my bag => You leave at 10 am with your bag.
read Part I of my book => You read Part I of your book.
I read about Charles I => You read about Charles I.
talk about World War I => You talk about World War I.
note it down, i.e. in my diary => You note it down, i.e. in your diary.
use the i/o port => You use the i/o port.
I, the king, rise => You, the king, rise.
I... => You...
I. => You.
i => You.
I? => You?
you take my sword => You take your sword.
You take the sword! => You take the sword!
You're my friend => You're your friend.
I and my dog leave => You and your dog leave.
wait. I think about mine => You wait. You think about yours.
take the lamp. go north. => You take the lamp. You go north.
I look around. Darkness. => You look around. Darkness.
I sit. my dog sits. => You sit. Your dog sits.
open it! run! => You open it! You run!
please open the door => You open the door.
let me see the map => You see the map.
let's go north => You go north.
north => You go north.
n => You go north.
SW => You go southwest.
up => You go up.
go up => You go up.
no => No.
yes, I do => Yes, you do.
hello => Hello.
Hello, I am Wren => Hello, you are Wren.
OK, go on => OK, go on.
no one sees me => No one sees you.
nobody helps me => Nobody helps you.
there is my hat => There is your hat.
this is my house => This is your house.
those are mine => Those are yours.
Matthias looks at me => Matthias looks at you.
Matthias, look at me => Matthias, look at yourself.
Open doors => You open doors.
im going home => You're going home.
ive lost my way => You've lost your way.
I'mma run => You'll run.
I ain't afraid => You ain't afraid.
I used to be my own boss => You used to be your own boss.
I’ve my doubts => You've your doubts.
I think I'm my own enemy => You think you're your own enemy.
Ask if I'm late => You ask if you're late.
I wonder what I'm doing here => You wonder what you're doing here.
je prends mon épée => je prends mon épée.
me levanto => me levanto.
otwieram drzwi i idę => otwieram drzwi i idę.
ich nehme mein Schwert => ich nehme mein Schwert.
was ist das? => was ist das?
nimm die Lampe => nimm die Lampe.
voglio la mia spada => voglio la mia spada.
открыть дверь => открыть дверь.
門を開ける => 門を開ける.
my idziemy do domu => my idziemy do domu.
me lleva el diablo => me lleva el diablo.
abre la puerta => abre la puerta.
Du ziehst am Seil => Du ziehst am Seil.
Du schläfst am Tisch ein => Du schläfst am Tisch ein.
Tu regardes Léa => Tu regardes Léa.
Miras a Teo => Miras a Teo.
I order an espresso con panna at my café => You order an espresso con panna at your café.
I climb Mt. Imy => You climb Mt. Imy.
grab my I-beam => You grab your I-beam.
I (quietly) leave => You (quietly) leave.
(I leave) => (You leave).
(quietly) leave => You (quietly) leave.
*I wave* => *You wave*.
"I am," I say, "my own man." => "I am," you say, "my own man."
"Hi," I say and wave my hand => "Hi," you say and wave your hand.
I'm me => You're you.
feed me => You feed yourself.
kill me => You kill yourself.
bring me the book => You bring yourself the book.
give me the lamp => You give yourself the lamp.
tell me about the castle => You tell yourself about the castle.
show me the map => You show yourself the map.
I teach me to read => You teach yourself to read.
I let him carry me => You let him carry you.
make him forgive me => You make him forgive you.
let go of me => You let go of yourself.
someone is behind me => Someone is behind you.
I step in front of me => You step in front of you.
I laugh at me => You laugh at yourself.
follow me => You follow yourself.
I feel sorry for me => You feel sorry for yourself.
help me up => You help yourself up.
"""
EXAMPLES = [line.split(" => ") for line in TABLE.strip().splitlines()]


def test_the_table_is_long():
    assert len(EXAMPLES) == len({typed for typed, _ in EXAMPLES}) > 200


@pytest.mark.parametrize(("typed", "shown"), EXAMPLES)
def test_what_a_player_does_is_shown_in_the_second_person(typed, shown):
    assert shown_action("do", typed) == shown


@pytest.mark.parametrize(("typed", "shown"), EXAMPLES)
def test_what_was_shown_stays_as_it_is(typed, shown):
    """An action that is edited comes back as it was shown."""
    assert shown_action("do", shown) == shown


@given(st.text(alphabet="Imeyn aws'\"“”‘’.,!?\n>(*", max_size=60))
def test_any_text_is_turned_without_complaint(text):
    assert isinstance(second_person(text), str)
    shown_action("do", text)


@given(st.text(alphabet="abcI me.,'", max_size=30).filter(lambda said: '"' not in said))
def test_what_is_quoted_stays_as_it_is(said):
    assert f'"{said}"' in second_person(f'I say "{said}" to my dog')
