"""Where results and remarks go: results to standard output, all else to standard error."""

from __future__ import annotations

import json as json_text
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from apim_upgrade.errors import EnvironmentProblem, NeedsConsent

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_NARROWEST = 120  # where nobody looks at a terminal, tables may be as wide as they need to be, within reason


@dataclass(frozen=True, slots=True)
class Output:
    """Prints one result as a person or as a program wants it."""

    json: bool

    def result(self, command: str, document: Mapping[str, Any], text: Callable[[], Iterable[RenderableType]]) -> None:
        """Print a command's result: one JSON object with its ``schema``, or what ``text`` gives."""
        with to_standard_output():
            if self.json:
                whole = {"schema": f"apim-upgrade/{command}/1", **document}
                ascii_only = not (sys.stdout.encoding or "utf-8").lower().startswith("utf")
                print(json_text.dumps(whole, indent=2, default=str, ensure_ascii=ascii_only))
                return
            out = console(sys.stdout)
            for item in text():
                out.print(item)

    def say(self, text: str) -> None:
        """Tell what is going on."""
        print(text, file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """Tell what a person should know."""
        print(f"warning: {text}", file=sys.stderr, flush=True)


@contextmanager
def to_standard_output() -> Iterator[None]:
    """
    Write a result. Who stops reading it has seen enough, and the exit code still says how the work went.

    Characters that the terminal's encoding lacks are written out. Raises EnvironmentProblem when the disk is full.
    """
    try:
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="backslashreplace")
        yield
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer must not fail again when the interpreter flushes it.
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
        if isinstance(error, BrokenPipeError):
            return
        raise EnvironmentProblem(
            f"The result cannot be written to standard output: {error.strerror}.",
            hint="What the command did stays done; make room and ask for the result again.",
        ) from None


def consent(question: str, *, given: bool, option: str = "--yes") -> None:
    """
    See that a person agrees: by option, or by answering ``yes`` where somebody can be asked.

    Raises NeedsConsent, naming the option, otherwise.
    """
    if given:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise NeedsConsent(question, hint=f"Give {option} to agree.")
    print(f"{question}\nType yes to go on: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() != "yes":
        raise NeedsConsent("Nothing was done, because nobody agreed.", hint=f"Give {option} to agree.")


def console(stream: TextIO) -> Console:
    """Return a console that writes to a stream; colours only on a terminal, and never where NO_COLOR is set."""
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # Rich itself would end the process with a failure

    width = None if stream.isatty() else max(_NARROWEST, shutil.get_terminal_size((0, 0)).columns)
    return Quiet(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def make_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]], *, words: int = 1) -> Table:
    """Return a plain table; the first ``words`` columns are aligned left, the others, numbers, right."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for position, name in enumerate(columns):
        made.add_column(name, justify="left" if position < words else "right", overflow="fold", min_width=len(name))
    for row in rows:
        made.add_row(*(Text(f"{cell:,}" if isinstance(cell, int) else str(cell)) for cell in row))
    return made
