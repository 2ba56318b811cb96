"""Lines for the terminal about the default narrator: which is used, and what a better one lacks."""

from inference.contract.model_state import ModelState
from inference.narrators import Narrator
from inference.queue.client import QueueClient

STEP_PERCENT = 10  # of a download, between lines about it


class DefaultChanges:
    """Compares the state of the default narrators with that of the last call."""

    def __init__(self, defaults: list[Narrator]) -> None:
        self.defaults = defaults
        self.current = ""  # name of the narrator in use
        self.shown: dict[str, tuple[str, int, str]] = {}  # by narrator: state, tenths done, reason

    def take_lines(self, client: QueueClient) -> list[str]:
        """The lines since the last call. Raises RedisError."""
        loaded = [each for each in self.defaults if client.narrator_ready(each.name)]
        teller = loaded[0] if loaded else None
        lines = []
        for narrator in self.defaults[: self.defaults.index(teller) if teller else 0]:
            state = client.model_state(narrator.name)
            if state is not None and self.has_changed(narrator, state):
                lines.append(self.line(narrator, state, teller or self.defaults[-1]))
        if teller is not None and teller.name != self.current:
            if self.current:
                lines.append(f"{teller.shown_name} tells from now on")
            self.current = teller.name
        return lines

    def has_changed(self, narrator: Narrator, state: ModelState) -> bool:
        """Whether this state differs from the last one. Progress counts in STEP_PERCENT."""
        now = (state.kind, state.percent // STEP_PERCENT, state.why)
        if state.kind == "lacking":
            now = (state.kind, 0, "")  # the free memory in the reason changes all the time
        before = self.shown.get(narrator.name)
        self.shown[narrator.name] = now
        return now != before

    @staticmethod
    def line(narrator: Narrator, state: ModelState, teller: Narrator) -> str:
        """What keeps `narrator` from being used, and who is used meanwhile."""
        name, other = narrator.shown_name, teller.shown_name
        if state.kind == "lacking":
            return f"{other} tells, not {name}: {state.why}"
        if state.kind == "failed":
            return f"{other} tells, and {name} is tried again: {state.why}"
        if state.kind == "loading":
            return f"{name} is being loaded"
        size = f" of {state.total / 1e9:.1f} GB" if state.total else ""
        return f"{name} is being fetched: {state.percent} %{size}. {other} tells until then"
