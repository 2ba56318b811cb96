"""Who plays here: signing up and in, invites, what a player takes home, and how one leaves."""
