"""The command that completes the others: a script for a shell, made from the parsers of all commands."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from analyzer import commands
from analyzer.commands import Exit
from analyzer.commands.options import Parser, parser
from analyzer.output import write

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from analyzer.console import Console

SHELLS = ("bash", "zsh", "fish")
_MAIN = "reach"
_FILES = frozenset({"FILE", "PATH"})
_EXAMPLES = """\
examples:
  source <(kubereach completion bash)
  source <(kubereach completion zsh)
  kubereach completion fish > ~/.config/fish/completions/kubereach.fish

exit codes: 0 fine, 2 wrong usage
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    """An option: its names, the values it may have, and whether a file or some other text follows it."""

    names: tuple[str, ...]
    choices: tuple[str, ...]
    file: bool
    value: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    """A command with its options, and the words that may stand first behind it."""

    name: str
    options: tuple[_Option, ...]
    words: tuple[str, ...]


def arguments() -> Parser:
    """Return the parser."""
    made = parser("completion", "SHELL", "Write a completion script for a shell.", _EXAMPLES)
    made.add_argument("shell", metavar="SHELL", choices=SHELLS, help=", ".join(SHELLS))
    made.set_defaults(output=None)
    return made


def run(chosen: Namespace, _: Console) -> Exit:
    """Write the script."""
    found = _commands()
    text = _fish(found) if chosen.shell == "fish" else _bash(found, zsh=chosen.shell == "zsh")
    write([text], chosen.output, sys.stdout)
    return Exit.FINE


def _commands() -> list[_Command]:
    """Read the parsers of all commands; the main one, which has no name, is the first."""
    found = []
    for info in iter_modules(commands.__path__):
        module = import_module(f"analyzer.commands.{info.name}")
        if hasattr(module, "arguments") and hasattr(module, "run"):
            made = module.arguments("") if info.name == _MAIN else module.arguments()
            found.append(_command(info.name, made))
    return sorted(found, key=lambda each: (each.name != _MAIN, each.name))


def _command(name: str, made: ArgumentParser) -> _Command:
    options: list[_Option] = []
    words: list[str] = []
    for action in made._actions:  # noqa: SLF001 - argparse has no other way to ask
        choices = tuple(map(str, action.choices or ()))
        if not action.option_strings:
            words += choices
            continue
        options.append(
            _Option(
                names=tuple(action.option_strings),
                choices=choices,
                file=action.metavar in _FILES,
                value=action.nargs != 0,
            )
        )
    return _Command(name=name, options=tuple(options), words=tuple(words))


def _bash(found: Sequence[_Command], *, zsh: bool) -> str:
    """Write the script for bash, which zsh understands too."""
    names = [each.name for each in found if each.name != _MAIN]
    lines = (
        ["autoload -U +X compinit && compinit", "autoload -U +X bashcompinit && bashcompinit"] if zsh else []
    )
    lines += [
        "_kubereach() {",
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=" + _MAIN,
        "    local IFS=$'\\n' words=''",
        "    COMPREPLY=()",
        f"    case ${{COMP_WORDS[1]}} in {'|'.join(names)}) command=${{COMP_WORDS[1]}} ;; esac",
        "    case $command:$prev in",
    ]
    for each in found:
        for option in each.options:
            if option.value:
                patterns = "|".join(f"{each.name}:{name}" for name in option.names)
                lines.append(f"        {patterns}) {_values(option)}; return ;;")
    lines += ["    esac", "    case $command in"]
    for each in found:
        flags = [name for option in each.options for name in option.names]
        lines.append(f"        {each.name}) words={_listed([*flags, *each.words])} ;;")
    lines += [
        "    esac",
        f"    if [[ $COMP_CWORD -eq 1 ]]; then words=$words$'\\n'{_listed(names)}; fi",
        '    COMPREPLY=($(compgen -W "$words" -- "$cur"))',
        '    if [[ $cur != -* ]]; then COMPREPLY+=($(compgen -f -- "$cur")); fi',
        "}",
        "complete -o filenames -F _kubereach kubereach",
    ]
    return "\n".join(lines) + "\n"


def _values(option: _Option) -> str:
    """Return the command that completes what follows an option; values that nobody knows are left alone."""
    if option.choices:
        return f'COMPREPLY=($(compgen -W {_listed(option.choices)} -- "$cur"))'
    return 'COMPREPLY=($(compgen -f -- "$cur"))' if option.file else ":"


def _listed(words: Sequence[str]) -> str:
    """Return words, which come from our own parsers, as one word of the shell with a line for each."""
    assert all(word.replace("-", "").replace("_", "").isalnum() for word in words), "our words need no quotes"
    return "$'" + "\\n".join(words) + "'"


def _fish(found: Sequence[_Command]) -> str:
    """Write the script for fish."""
    names = [each.name for each in found if each.name != _MAIN]
    seen = f"__fish_seen_subcommand_from {' '.join(names)}"
    lines = [f"complete -c kubereach -n 'not {seen}' -a '{' '.join(names)}'"]
    for each in found:
        where = f"not {seen}" if each.name == _MAIN else f"__fish_seen_subcommand_from {each.name}"
        head = f"complete -c kubereach -n '{where}'"
        if each.words:
            lines.append(f"{head} -a '{' '.join(each.words)}'")
        for option in each.options:
            flags = [f"-l {n[2:]}" if n.startswith("--") else f"-s {n[1:]}" for n in option.names]
            need = f" -x -a '{' '.join(option.choices)}'" if option.choices else " -r" if option.value else ""
            lines.append(f"{head} {' '.join(flags)}{need}")
    return "\n".join(lines) + "\n"
