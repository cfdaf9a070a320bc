"""The one base class of every error that a user can cause and mend."""


class LimberError(Exception):
    """Something the user gave is wrong. The message names the thing, what was found and what to do."""
