"""
The errors that reach a person: what happened, where, and what to do next.

The tree answers one question, who can mend it::

    ApimUpgradeError
    ├── ProjectError         upgrade.toml or a file it names        (exit 2)
    ├── EnvironmentProblem   server, network, rights, disk          (exit 3)
    ├── EstateError          the estate is not what it should be    (exit 3)
    ├── StepFailed           a step stopped; run again to resume    (exit 4)
    ├── NeedsConsent         a person has to agree first            (exit 5)
    └── KnowledgeError       our own data is wrong: our bug         (exit 70)
"""

from __future__ import annotations


class ApimUpgradeError(Exception):
    """An expected failure: one sentence of what happened, one of what to do next; never holds a secret."""

    exit_code = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ProjectError(ApimUpgradeError):
    """The user's ``upgrade.toml``, an option or a file it names is wrong."""

    exit_code = 2


class EnvironmentProblem(ApimUpgradeError):
    """A server cannot be reached, a right is missing, a disk is full."""

    exit_code = 3


class EstateError(ApimUpgradeError):
    """The databases are not an API-M estate, not one estate, or not in a state that can be upgraded."""

    exit_code = 3


class StepFailed(ApimUpgradeError):
    """A step stopped. Everything before it is done and recorded; running again resumes there."""

    exit_code = 4

    def __init__(self, step: str, message: str, *, hint: str = "Run the same command again to resume.") -> None:
        super().__init__(f"step {step} stopped: {message}", hint=hint)
        self.step = step


class NeedsConsent(ApimUpgradeError):
    """A person has to agree first and nobody can be asked; the hint names the flag to give."""

    exit_code = 5


class KnowledgeError(ApimUpgradeError):
    """The release knowledge that the tool carries contradicts itself: a bug of the tool."""

    exit_code = 70
