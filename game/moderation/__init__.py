"""What people complain about, what rules find, and what staff does about it.

    rulebook     the rules of this host, from the file that it edits
    screening    texts of players, and what was found in replies
    classifier   the host's own function that looks at texts
    reports      a reader's complaint
    cases        the queue, its claims, and what a case shows
    authorship   whose words a turn's are
    actions      what staff does: dismiss, hide, warn, ban … undo; each is one call here
    content      how scenarios and shared stories are hidden and restored
    standing     what a player may not do just now
    notices      what players are told of decisions
    appeals      their answers to notices, and how staff decides them
    audit        the log of actions, which only grows
    preservation texts kept for the law
    operation    pausing the host, and narrators on and off
    figures      what the operator's page tells

Staff works in Django's admin (`admin`). docs/moderation.md is for them.
"""
