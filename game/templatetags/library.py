"""How the library's pages say when something was."""

from django import template

from game.library.words import ago

register = template.Library()
register.filter("ago", ago)
