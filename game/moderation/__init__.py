"""Moderation: reports of readers, matches of rules, and decisions of staff.

    rulebook     the rules of this host, from a file
    screening    checks of players' texts, and records of what was found in replies
    classifier   the host's own function that checks texts
    reports      readers' reports of what was shared
    cases        the queue of cases, its claims, and what a case shows
    authorship   which words of a turn the player wrote
    actions      decisions of staff: dismiss, hide, warn, ban, undo and others, one function each
    content      hides and restores scenarios and shared stories
    standing     whether a player is suspended, banned or muted
    notices      tells players of decisions
    appeals      players' answers to notices, and how staff decides them
    audit        the audit log, which only grows
    preservation texts kept for the law
    operation    pauses the host, and switches narrators off and on
    statistics   figures of the operator's page
    narrators    data of the operator's page of narrators

Staff works in Django's admin (`admin`). docs/moderation.md is for them.
"""
