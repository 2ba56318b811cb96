"""The state of the world: what changes it, and how it is read from the text. Pure.

    folding      the changes of the turns on a path make the state
    revealing    hidden entries that the story has come to tell
    names, roles how people are called
    needs        what cannot be done without a thing, or with the dead
    checks       whether a reply contradicts the state: the dead act, what is lost is used
    rules        what a turn changes, by rules over its text
    reading      the narrator's own reading of a turn: question, schema, and what its answer changes
    suggestions  actions that the narrator suggests to the player

docs/world.md describes the state.
"""
