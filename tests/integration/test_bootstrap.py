"""`run.py` on a fresh machine: real virtual environments, a real pip, a tiny project, and no network.

The wheels are made here and handed to pip by PIP_FIND_LINKS. The command line of the tiny project prints what it was
given, so that the tests see through two interpreters.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the tests end processes by POSIX signals")

ROOT = Path(__file__).parents[2]
BASE_PYTHON = str(Path(sys.executable).resolve())
MODULES = 800  # of the slow wheel: enough files for a signal to fall between the first and the last
CLI = """
import json, os, sys, tiny
def main(arguments, now):
    print(json.dumps({"arguments": arguments, "folder": os.getcwd(), "prefix": sys.prefix, "tiny": tiny.VERSION,
                      "aware": now.utcoffset() is not None}))
    return int(arguments[1]) if arguments[:1] == ["exit"] else 0
"""


def make_wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> None:
    about = f"{name}-{version}.dist-info"
    content = {  # it comes first, as it may in any wheel: pip then takes a half-copied package for an installed one
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    } | files
    record = "".join(f"{path},,\n" for path in [*content, f"{about}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in {**content, f"{about}/RECORD": record}.items():
            wheel.writestr(path, text)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for version in ("1.0", "2.0"):
        make_wheel(folder, "tiny", version, {"tiny.py": f"VERSION = '{version}'\n"})
    make_wheel(folder, "extra", "1.0", {"extra.py": ""})
    slow = {"slow/__init__.py": ""} | {f"slow/module_{number}.py": "X = 1\n" for number in range(MODULES)}
    make_wheel(folder, "slow", "1.0", slow)
    return folder


@pytest.fixture(scope="module")
def variables(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the environment variables of a user whose pip finds the test's wheels and nothing else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "VIRTUAL_ENV"))}
    temporary = tmp_path_factory.mktemp("temporary")  # a killed pip leaves its files there
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}
    return kept | pip | {"TMPDIR": str(temporary)}


def make_project(folder: Path, base: str = "tiny==1.0\n") -> Path:
    package = folder / "alphafactory"
    shutil.copytree(ROOT / "alphafactory" / "bootstrap", package / "bootstrap")
    for name in ("alphafactory/__init__.py", "alphafactory/errors.py", "run.py"):
        shutil.copy(ROOT / name, folder / name)
    (package / "cli.py").write_text(CLI, encoding="utf-8")
    (folder / "requirements").mkdir()
    (folder / "requirements" / "base.lock").write_text(base, encoding="utf-8")
    (folder / "requirements" / "test.lock").write_text(f"{base}extra==1.0\n", encoding="utf-8")
    (folder / "requirements" / "crypto.lock").write_text(base, encoding="utf-8")
    return folder


def run(
    project: Path, *arguments: str, variables: dict[str, str], python: str = BASE_PYTHON, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [python, str(project / "run.py"), *arguments]
    return subprocess.run(
        command, env=variables, cwd=folder or project, capture_output=True, text=True, timeout=60, check=False
    )


def start(project: Path, variables: dict[str, str]) -> subprocess.Popen[str]:
    command = [BASE_PYTHON, str(project / "run.py"), "demo"]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def answer(result: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout))


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 40
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)


def end_tree(process: subprocess.Popen[str]) -> None:
    """Kill a process and its descendants at one blow, as a power cut would."""
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    for member in family:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    process.communicate()
    psutil.wait_procs(family[1:], timeout=10)


def has_installed(project: Path, name: str) -> bool:
    return any((project / ".venv").glob(f"lib/python3*/site-packages/{name}"))


@pytest.fixture(scope="module")
def first_use(tmp_path_factory: pytest.TempPathFactory, variables: dict[str, str]) -> Any:
    """Give a project after its first use, in a folder with spaces and beyond ASCII, and what that first use printed."""
    project = make_project(tmp_path_factory.mktemp("a") / "pröject with spaces 日本")
    return project, run(project, "demo", "--seed", "7", variables=variables)


@pytest.fixture
def project(first_use: Any, tmp_path: Path) -> Path:
    """Give a copy of the project after its first use: `.venv` has to survive that the folder moves."""
    moved = tmp_path / "moved project"
    shutil.copytree(first_use[0], moved, symlinks=True)
    return moved


def test_first_use_makes_the_environment_and_runs_the_command(first_use: Any) -> None:
    project, result = first_use
    said = answer(result)
    assert said["arguments"] == ["demo", "--seed", "7"]
    assert said["tiny"] == "1.0"
    assert said["aware"]
    assert Path(said["prefix"]) == project / ".venv"
    assert "(1/2) Making .venv" in result.stderr
    assert "(2/2) Downloading and installing" in result.stderr


def test_later_use_installs_nothing_even_in_a_moved_folder(project: Path, variables: dict[str, str]) -> None:
    result = run(project, "demo", variables=variables)
    assert answer(result)["prefix"] == str(project / ".venv")
    assert result.stderr == ""


def test_the_environments_own_interpreter_goes_straight_to_the_command(
    project: Path, variables: dict[str, str]
) -> None:
    result = run(project, "demo", variables=variables, python=str(project / ".venv/bin/python"))
    assert answer(result)["prefix"] == str(project / ".venv")
    assert result.stderr == ""


def test_the_callers_folder_and_the_exit_status_pass_through(
    project: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    result = run(project, "exit", "3", "a b", "ü", variables=variables, folder=tmp_path)
    assert result.returncode == 3
    said = json.loads(result.stdout)
    assert said["folder"] == str(tmp_path)
    assert said["arguments"] == ["exit", "3", "a b", "ü"]


def test_another_active_environment_is_neither_used_nor_touched(tmp_path: Path, variables: dict[str, str]) -> None:
    other = tmp_path / "other"
    subprocess.run([BASE_PYTHON, "-m", "venv", "--without-pip", str(other)], check=True, timeout=30)
    before = sorted(other.rglob("*"))
    project = make_project(tmp_path / "project")
    active = variables | {"VIRTUAL_ENV": str(other), "PATH": f"{other}/bin:{variables['PATH']}", "PIP_USER": "1"}
    result = run(project, "demo", variables=active, python=str(other / "bin" / "python"))
    assert answer(result)["prefix"] == str(project / ".venv")
    assert sorted(other.rglob("*")) == before


def test_a_foreign_library_on_pythonpath_does_not_shadow_a_pinned_one(
    project: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "tiny.py").write_text("VERSION = 'foreign'\n", encoding="utf-8")
    polluted = variables | {"PYTHONPATH": str(tmp_path), "PYTHONSAFEPATH": "1"}
    assert answer(run(project, "demo", variables=polluted))["tiny"] == "1.0"


def test_the_test_command_adds_its_lock_file(project: Path, variables: dict[str, str]) -> None:
    assert not has_installed(project, "extra.py")
    result = run(project, "--config", "demo", "test", "-q", variables=variables)
    assert answer(result)["arguments"] == ["--config", "demo", "test", "-q"]
    assert has_installed(project, "extra.py")
    assert run(project, "demo", variables=variables).stderr == ""


def test_a_changed_lock_file_is_followed(project: Path, variables: dict[str, str]) -> None:
    (project / "requirements" / "base.lock").write_text("tiny==2.0\n", encoding="utf-8")
    result = run(project, "demo", variables=variables)
    assert answer(result)["tiny"] == "2.0"
    assert "(1/2)" not in result.stderr  # a changed pin is no reason to make everything anew


def test_an_environment_killed_while_it_is_made_is_repaired(tmp_path: Path, variables: dict[str, str]) -> None:
    project = make_project(tmp_path / "project")
    process = start(project, variables)
    wait_until((project / ".venv" / "pyvenv.cfg").exists, "pyvenv.cfg")
    end_tree(process)
    assert not has_installed(project, "tiny.py")
    assert answer(run(project, "demo", variables=variables))["tiny"] == "1.0"


def test_a_package_killed_while_it_is_copied_is_repaired(project: Path, variables: dict[str, str]) -> None:
    (project / "requirements" / "base.lock").write_text("tiny==2.0\nslow==1.0\n", encoding="utf-8")
    process = start(project, variables)
    wait_until(lambda: has_installed(project, "slow/module_9.py"), "the slow package")
    end_tree(process)
    assert not has_installed(project, f"slow/module_{MODULES - 1}.py"), "killed too late to show anything"
    assert answer(run(project, "demo", variables=variables))["tiny"] == "2.0"
    assert has_installed(project, f"slow/module_{MODULES - 1}.py")


def test_where_only_run_py_is_killed_the_next_run_waits_for_the_orphan(
    project: Path, variables: dict[str, str]
) -> None:
    (project / "requirements" / "base.lock").write_text("tiny==2.0\nslow==1.0\n", encoding="utf-8")
    process = start(project, variables)
    wait_until(lambda: has_installed(project, "slow"), "the slow package")
    process.kill()
    process.communicate()
    result = run(project, "demo", variables=variables)
    assert answer(result)["tiny"] == "2.0"
    assert has_installed(project, f"slow/module_{MODULES - 1}.py")
    assert "waiting for it" in result.stderr


def test_ctrl_c_in_the_installation_is_one_line_and_leaves_no_process(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    project = make_project(tmp_path / "project")
    process = start(project, variables)
    wait_until((project / ".venv" / "pyvenv.cfg").exists, "pyvenv.cfg")
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "Interrupted while preparing .venv; the next run carries on."
    assert "Traceback" not in stderr
    assert children
    assert not psutil.wait_procs(children, timeout=5)[1]


def test_two_at_once_wait_for_each_other(tmp_path: Path, variables: dict[str, str]) -> None:
    project = make_project(tmp_path / "project")
    both = [start(project, variables) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("(1/2) Making .venv" in stderr for _, stderr in said) == 1
    assert sum("waiting for it" in stderr for _, stderr in said) == 1
    assert all(json.loads(stdout)["tiny"] == "1.0" for stdout, _ in said)


def test_without_a_network_the_message_says_so_and_nothing_is_lost(project: Path, variables: dict[str, str]) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: every connection is refused
        index = f"http://127.0.0.1:{closed.getsockname()[1]}/simple"
        offline = {name: value for name, value in variables.items() if name not in {"PIP_NO_INDEX", "PIP_FIND_LINKS"}}
        offline |= {"PIP_INDEX_URL": index, "PIP_RETRIES": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        result = run(project, "test", variables=offline)
    assert result.returncode == 1
    assert "The package index cannot be reached. Check the network" in result.stderr
    assert "Traceback" not in result.stderr
    assert run(project, "demo", variables=variables).stderr == ""  # what was installed before goes on working


def test_a_package_without_a_wheel_is_named(project: Path, variables: dict[str, str]) -> None:
    (project / "requirements" / "base.lock").write_text("tiny==9.9\n", encoding="utf-8")
    result = run(project, "demo", variables=variables)
    assert result.returncode == 1
    assert "There is no ready-made package of tiny==9.9 for this machine" in result.stderr
    assert str(project / ".venv" / "install.log") in result.stderr


@pytest.mark.parametrize("damage", ["stamp", "interpreter"])
def test_a_damaged_environment_is_made_anew(project: Path, variables: dict[str, str], damage: str) -> None:
    if damage == "stamp":
        (project / ".venv" / "installed.json").write_text('{"interpreter": ', encoding="utf-8")
    else:
        (project / ".venv" / "bin" / "python").unlink()
        (project / ".venv" / "bin" / "python").symlink_to("/nonexistent/python3.11")
    result = run(project, "demo", variables=variables)
    assert answer(result)["tiny"] == "1.0"
    assert "(1/2) Making .venv" in result.stderr


def test_an_environment_made_by_hand_is_filled_up_and_not_deleted(project: Path, variables: dict[str, str]) -> None:
    for name in ("install.lock", "installed.json"):
        (project / ".venv" / name).unlink()
    (project / ".venv" / "mine.txt").write_text("keep me", encoding="utf-8")
    result = run(project, "demo", variables=variables)
    assert answer(result)["tiny"] == "1.0"
    assert (project / ".venv" / "mine.txt").exists()
    assert run(project, "demo", variables=variables).stderr == ""


def old_interpreters() -> list[str]:
    """Return the interpreters below 3.11 that this machine has and that start."""
    names = ["python2.7", *(f"python3.{minor}" for minor in range(6, 11))]
    found = [path for path in map(shutil.which, names) if path is not None]
    found += [str(path) for path in Path.home().glob(".pyenv/versions/*/bin/python")]
    question = "import sys; sys.exit(sys.version_info[:2] >= (3, 11))"
    return [
        path
        for path in found
        if subprocess.run([path, "-c", question], check=False, capture_output=True).returncode == 0
    ]


def test_an_old_python_gets_a_sentence_and_no_syntax_error(tmp_path: Path) -> None:
    too_old = old_interpreters()
    if not too_old:
        pytest.skip("no Python below 3.11 on this machine")
    for python in too_old:
        result = subprocess.run(
            [python, str(ROOT / "run.py"), "demo"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=20,
            check=False,
        )
        assert result.returncode == 1, python
        assert "AlphaFactory needs Python 3.11 to 3.14" in result.stderr, python
        assert "which is too old" in result.stderr
        assert len(result.stderr.splitlines()) == 2, python
