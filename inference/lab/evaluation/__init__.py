"""How well a narrator tells: written situations and automatic play, read by plain rules.

    situations   what is asked, and what is looked for in the answer
    playing      fifty turns by themselves
    telling      many replies at once, the way that players get them
    endings, repetition, voice, facts, dead    the measures, each on a text alone
    scores       one reply's measures, and the table of many
    measures, accuracy    the measures held against labelled replies, and what came of it
    blind        two runs shuffled, to be read without knowing which is which

The measures share no rules with `inference.reply`, which cleans what they measure: a rule would
find nothing that it has just let pass.
"""
