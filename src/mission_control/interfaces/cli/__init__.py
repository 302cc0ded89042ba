"""The command `missionctl`: one file per noun; a command is imported when it is called."""

from __future__ import annotations

import sys

import click

from mission_control.config import process_environment
from mission_control.errors import InvalidInput, MissionControlError
from mission_control.interfaces.cli import errors
from mission_control.interfaces.cli.context import Session
from mission_control.interfaces.cli.main import COMMANDS, COMPLETION_VARIABLE, PROGRAM, TASK_COMMANDS, root
from mission_control.interfaces.mission import Application


def carry_out(application: Application, arguments: list[str] | None = None) -> int:
    """Carry out one command line and return its exit code; see errors.py. Never shows a traceback."""
    words = sys.argv[1:] if arguments is None else arguments
    session = Session(application)
    _speak_utf8()
    try:
        code = _exit_code(words, session)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:  # e.g. `| head`: the reader has what it wanted
        errors.drop_output()
        code = 0
    except OSError as fault:
        errors.drop_output()
        code = errors.report_system(fault)
    finally:
        session.close()
    return code


def _exit_code(words: list[str], session: Session) -> int:
    """The exit code, with every error but the system's mapped to its own."""
    try:
        _refuse_invalid_unicode(words)
        if COMPLETION_VARIABLE in process_environment():  # a shell asks for completions; ends with SystemExit
            root.main([], prog_name=PROGRAM, complete_var=COMPLETION_VARIABLE, obj=session)
        with root.make_context(PROGRAM, list(words), obj=session) as context:
            code = root.invoke(context)
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as fault:
        return errors.report_usage(fault)
    except MissionControlError as fault:
        return errors.report_refusal(fault)
    except (KeyboardInterrupt, click.Abort):
        return errors.INTERRUPTED
    except OSError:
        raise
    except Exception as fault:  # noqa: BLE001  the last line of defence: a fault of ours becomes a report file
        return errors.report_fault_of_ours(fault, session, _spoken_command(words))


def _refuse_invalid_unicode(words: list[str]) -> None:
    """Arguments that are not UTF-8 reach Python as lone surrogates, which no file and no database takes."""
    for position, word in enumerate(words, start=1):
        if not word.isascii() and any("\ud800" <= character <= "\udfff" for character in word):
            raise InvalidInput(f"Argument {position} is not valid UTF-8. Convert it and try again.")


def _speak_utf8() -> None:
    """JSON and our symbols are UTF-8 wherever the locale is not; what it cannot hold is replaced, never a crash."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")


def _spoken_command(words: list[str]) -> str:
    """The command's name without what was given to it."""
    return " ".join(word for word in words[:3] if word in COMMANDS or word in TASK_COMMANDS) or PROGRAM
