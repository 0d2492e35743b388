"""Who imports whom, what is imported from outside, and how long a module may grow: read from the sources."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ENGINES = {"asr", "llm", "tts", "transport"}
PACKAGES = ENGINES | {"assistant"}
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTALLED = {
    "TTS": ["coqui-tts"],
    **packages_distributions(),
}  # import name -> distributions; that one is elsewhere
LONGEST_MODULE_LINES = 400
EXTRAS = {  # modules imported by those who have the extra
    "assistant/say_plot": "plot",
    "assistant/trace_plot": "plot",
    "assistant/trace_sink": "otel",
    "llm/hub": "hub",
    "tts/coqui": "coqui",
    "tts/mandarin": "mandarin",
    "tts/piper": "piper",
    "tests/test_tts_coqui": "coqui",
}


def imported_packages(module: Path) -> Iterator[str]:
    """Yield the top-level name of every import in the module, also of those inside functions."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are absolute"
            assert node.module is not None
            yield node.module.partition(".")[0]


def declared(requirements: list[str]) -> set[str]:
    return {normal(re.split(r"[^\w.-]", requirement, maxsplit=1)[0]) for requirement in requirements}


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def name_of(module: Path) -> str:
    return str(module.relative_to(ROOT))


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_the_four_engines_import_neither_each_other_nor_the_assistant(module: Path) -> None:
    package = module.relative_to(ROOT).parts[0]
    allowed = PACKAGES if package == "assistant" else {package}
    assert set(imported_packages(module)) & PACKAGES <= allowed


@pytest.mark.parametrize("module", MODULES + TESTS, ids=name_of)
def test_every_import_from_outside_is_a_declared_dependency(module: Path) -> None:
    allowed = declared(PROJECT["dependencies"])
    if module in TESTS:
        allowed |= declared(PROJECT["optional-dependencies"]["dev"])
    for prefix, extra in EXTRAS.items():
        if name_of(module).startswith(prefix):
            allowed |= declared(PROJECT["optional-dependencies"][extra])
    outside = set(imported_packages(module)) - PACKAGES - {"tests"} - set(sys.stdlib_module_names)
    for package in outside:
        distributions = {normal(name) for name in INSTALLED.get(package, [package])}
        assert distributions & allowed, f"{package} is missing from the dependencies in pyproject.toml"


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_a_module_is_read_in_one_sitting(module: Path) -> None:
    assert len(module.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE_LINES
