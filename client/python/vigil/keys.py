"""CURVE keys, as `vigil keygen` writes them."""

import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Union

KEY_CHARACTERS = 40  # Z85


class KeyFileError(ValueError):
    """A key file is not one, or others may read a secret; the text says which and what to do."""


@dataclass(frozen=True)
class Keys:
    """The pipeline's public key and this client's pair, each the 40 characters of Z85."""

    server: str
    public: str
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        for name in ("server", "public", "secret"):
            if len(getattr(self, name)) != KEY_CHARACTERS:
                raise KeyFileError(f"{name}: a key has {KEY_CHARACTERS} characters of Z85")

    @classmethod
    def load(cls, server: Union[str, Path], pair: Union[str, Path]) -> "Keys":
        """From the pipeline's .pub and this client's .key."""
        pair = Path(pair).expanduser()
        mode = os.stat(pair).st_mode
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise KeyFileError(f"{pair}: others may read this secret; chmod 600 it")
        own = _read(pair, "public", "secret")
        return cls(_read(Path(server).expanduser(), "public")["public"], **own)


def _read(path: Path, *wanted: str) -> Dict[str, str]:
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, colon, value = line.partition(":")
        if colon and word.strip() in wanted:
            found[word.strip()] = value.strip()
    for word in wanted:
        if word not in found:
            raise KeyFileError(f"{path}: expected a line \"{word}: KEY\", as vigil keygen writes it")
    return found
