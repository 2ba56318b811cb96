"""What a player likes: how long and how wild replies are, and how pages look."""
