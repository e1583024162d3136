"""Which how-to pages are followed, and what they print."""

import re
from pathlib import Path

FOLLOWED = {
    "cohort-table.md": ["onephase check cohort.csv"],
    "dicom.md": ["onephase predict demo/bundle study/", "/usr/bin/storescu"],
    "export.md": ["onephase export cohort.csv"] * 4,
    "node.md": [
        *("onephase node", "/usr/bin/storescu", "onephase worklist --store node", "onephase node"),
        *["onephase worklist --store node --study"] * 3,
        *("onephase node", "curl", "curl"),
    ],
    "prediction.md": ["onephase predict demo/bundle"] * 2,
    "reader.md": ["onephase serve", "onephase serve", "python -c", "onephase serve", "curl"],
    "reading.md": ["onephase predict demo/bundle"] * 3,
}
"""How the commands of a page begin, one by one: these are run, and the page may print no others."""

NOT_FOLLOWED = {
    "benchmark.md": "it trains for hours; tests/cli/test_benchmark.py runs a small one",
    "clusters.md": "it needs machines and SLURM; the fixture `cluster` is a cluster on this machine",
    "evaluation.md": "it trains five times; tests/cli/test_whole_way.py and test_power.py run the rest",
    "explanations.md": "it takes minutes and trains once more; tests/cli/test_probe.py runs it on a few cases",
    "import.md": "the public sets are not here; tests/cohort/sources imports copies made by hand",
    "paper-preset.md": "it trains for hours",
    "quality.md": "its command is run by tests/cli/test_whole_way.py",
    "robustness.md": "100 cases take minutes; tests/cli/test_probe.py runs it on a few",
    "simulation.md": "the demo of these tests runs what its command does, on fewer cases",
}

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROMPT = re.compile(r"^\$ ", re.MULTILINE)


def commands_of(page: str) -> list[str]:
    blocks = BLOCK.findall((DOCS / page).read_text())
    return [one.strip() for block in blocks for one in PROMPT.split(block) if one.strip()]


def printed(page: str) -> list[str]:
    """Return the commands of a page that is followed."""
    commands = commands_of(page)
    fitting = len(commands) == len(FOLLOWED[page]) and all(map(str.startswith, commands, FOLLOWED[page]))
    assert fitting, f"docs/{page} prints other commands than are run here: {commands}"
    return commands
