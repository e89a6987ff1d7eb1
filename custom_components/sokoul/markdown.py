"""Text from outside inside the Markdown of a form: shown as it is, never followed.

Release names, messages and paths come from strangers: a name may look like an image that loads from their server.
"""

#: What Markdown, HTML or the recognition of links could take for more than a character.
_SPECIAL = {ord(each): f"&#{ord(each)};" for each in "\\`*_[]()!<>|~#&:.@"}


def plain(text: str) -> str:
    """Return a text that shows as it is wherever it stands in Markdown or HTML."""
    return text.translate(_SPECIAL)


def code(text: str) -> str:
    """Return a text as code (a path)."""
    return f"<code>{plain(text)}</code>"
