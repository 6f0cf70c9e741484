"""How failures are told: one sentence, a hint, an exit code; the traceback goes to a file when it is wanted."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from apim_upgrade import __version__
from apim_upgrade.errors import ApimUpgradeError, EnvironmentProblem

INTERRUPTED = 130
LOG = "apim-upgrade-debug.log"
_USAGE = 2
_BUG = 70


def run_safely(action: Callable[[], int | None], *, debug: bool) -> int:
    """Do something and return its exit code, whatever happens."""
    try:
        return action() or 0
    except ApimUpgradeError as error:
        _tell(error.message, error.hint)
        if debug:
            _tell_log(error)
        return error.exit_code
    except KeyboardInterrupt:
        _tell("interrupted", "Run the same command again to resume.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough; the rest must not fail again when the interpreter flushes it.
        sys.stdout = None
        return 0
    except OSError as error:
        # Nobody saw it coming, yet the system says plainly what it is: a disk that is full, a file that is locked up.
        where = f"{error.filename}: " if error.filename else ""
        _tell(f"{where}{error.strerror or type(error).__name__}.", "Mend that, then run the same command again.")
        if debug:
            _tell_log(error)
        return EnvironmentProblem.exit_code
    except Exception as error:
        _tell(f"this is a bug in apim-upgrade {__version__}: {type(error).__name__}")
        _tell_log(error)
        return _BUG


def report_usage(error: Exception, name: str) -> int:
    """Tell what the parser of the command line did not like; anything else is a bug."""
    words = getattr(error, "format_message", None)
    if words is None:
        return run_safely(lambda: _raise(error), debug=False)
    context = getattr(error, "ctx", None)
    command = getattr(context, "command_path", name)
    _tell(" ".join(str(words()).split()), f"See `{command} --help`.")
    return _USAGE


def _raise(error: Exception) -> int:
    raise error


def _tell(message: str, hint: str = "") -> None:
    print(f"error: {message}", file=sys.stderr)
    if hint:
        print(f"hint: {hint}", file=sys.stderr)


def _tell_log(error: Exception) -> None:
    """Append the traceback to a log in the working folder, or in the system's folder for such files."""
    text = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, apim-upgrade {__version__}\n"
    text += "".join(traceback.format_exception(error)) + "\n"
    for folder in (Path.cwd(), Path(tempfile.gettempdir())):
        try:
            with (folder / LOG).open("a", encoding="utf-8") as log:
                log.write(text)
        except OSError:
            continue
        print(f"hint: The details are in {folder / LOG}.", file=sys.stderr)
        return
