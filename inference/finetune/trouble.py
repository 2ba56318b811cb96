"""What can go wrong on the way to a narrator, each told in one line. Imports nothing heavy."""


class FinetuneError(Exception):
    """Why a stage cannot go on, in one line."""


class RecipeError(FinetuneError):
    """What is wrong with a recipe, or with what it names."""


class SamplesError(FinetuneError):
    """Why there is nothing to train on."""


class Broken(FinetuneError):
    """Why a base cannot be had."""


class TrainingFailed(FinetuneError):
    """Why a training ended before its time."""


class CorpusError(Exception):
    """An error in one line that names the file and, where it is known, the line."""

    def __init__(self, file: str, line: int, what: str) -> None:
        self.file, self.line, self.what = file, line, what
        super().__init__(f"{file}:{line}: {what}" if line else f"{file}: {what}")
