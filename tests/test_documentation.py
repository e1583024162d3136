"""Documentation is run: Python blocks are executed, command lines must name commands and options that exist."""

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def _blocks(language: str) -> list[tuple[str, str]]:
    return [
        (f"{page.relative_to(ROOT)}:{page.read_text()[: found.start()].count(chr(10)) + 1}", found[2])
        for page in PAGES
        for found in BLOCK.finditer(page.read_text())
        if found[1] == language
    ]


PROGRAMS = {
    "onephase": (sys.executable, "-c", "import sys; from onephase.cli.main import run; run()"),
    "dask": (sys.executable, "-m", "dask"),
}


@cache
def _help(program: str, command: str) -> str:
    answer = subprocess.run(
        [*PROGRAMS[program], *command.split(), "--help"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, f"{program} {command} is no command"
    return answer.stdout


@pytest.mark.parametrize(("where", "text"), _blocks("console"))
def test_command_lines_name_real_commands_and_options(where, text):
    lines = text.replace("\\\n", " ").splitlines()
    for line in lines:
        if not re.match(r"\$ (\.venv/bin/)?(onephase|dask) ", line):
            continue
        program = line.split()[1].split("/")[-1]
        words = shlex.split(line, comments=True)[2:]
        if words[0].startswith("-"):
            continue
        text_of_help = _help(program, words[0])
        for option in (word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)):
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text_of_help), f"{where}: {option} in {line}"


@pytest.mark.parametrize(
    "script", sorted((ROOT / "docs" / "examples").glob("*.sbatch")), ids=lambda script: script.name
)
def test_batch_scripts_are_read_by_the_shell(script):
    subprocess.run(["bash", "-n", script], check=True)


@pytest.mark.parametrize(("where", "text"), _blocks("python"))
def test_python_blocks_run(where, text, tiny_demo, monkeypatch):
    monkeypatch.chdir(tiny_demo.parent)
    exec(compile(text, where, "exec"), {"__name__": "documentation"})  # noqa: S102 - our own pages


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_within_the_project_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if not re.match(r"\w+:", target):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
