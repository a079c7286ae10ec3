"""Which code each configuration of pip and of uv installs: yours, or the attacker's."""

import tomllib
from pathlib import Path

import pytest
from conftest import NEWER, SAME, YOURS, Attack
from uv import find_uv_bin

PROJECT = (Path(__file__).parents[1] / "app/pyproject.toml").read_text("utf-8")

# Two indexes, unsafe


def test_pip_takes_the_attack_where_public_is_the_extra_index(attack: Attack) -> None:
    assert attack.pip("--index-url", attack.private, "--extra-index-url", attack.public, "team-report") == NEWER


def test_pip_takes_the_attack_where_private_is_the_extra_index(attack: Attack) -> None:
    assert attack.pip("--index-url", attack.public, "--extra-index-url", attack.private, "team-report") == NEWER


def test_pip_takes_the_attack_from_an_environment_variable(attack: Attack) -> None:
    said = attack.pip("--index-url", attack.private, "team-report", PIP_EXTRA_INDEX_URL=attack.public)
    assert said == NEWER


def test_pip_takes_the_attack_from_its_configuration_file(attack: Attack) -> None:
    settings = attack.folder / "pip.conf"
    settings.write_text(f"[global]\nextra-index-url = {attack.public}\n", "utf-8")
    said = attack.pip("--index-url", attack.private, "team-report", PIP_CONFIG_FILE=str(settings))
    assert said == NEWER


def test_pip_takes_the_attack_from_a_requirements_file(attack: Attack) -> None:
    wanted = attack.folder / "requirements.txt"
    wanted.write_text(f"--extra-index-url {attack.public}\nteam-report\n", "utf-8")
    assert attack.pip("--index-url", attack.private, "--requirement", wanted) == NEWER


def test_pip_takes_the_attack_where_a_folder_is_added_to_an_index(attack: Attack) -> None:
    folder = attack.folder / "private/simple/team-report"
    assert attack.pip("--index-url", attack.public, "--find-links", folder, "team-report") == NEWER


def test_a_pin_without_hashes_is_luck(attack: Attack) -> None:
    pinned = "team-report==1.0"
    assert attack.pip("--index-url", attack.private, "--extra-index-url", attack.public, pinned) == SAME


def test_the_same_pin_is_yours_in_the_other_order(attack: Attack) -> None:
    pinned = "team-report==1.0"
    assert attack.pip("--index-url", attack.public, "--extra-index-url", attack.private, pinned) == YOURS


def test_uv_takes_the_attack_where_public_is_the_extra_index(attack: Attack) -> None:
    assert attack.uv("--index-url", attack.private, "--extra-index-url", attack.public, "team-report") == NEWER


def test_uv_takes_the_attack_where_private_is_the_default_index(attack: Attack) -> None:
    assert attack.uv("--default-index", attack.private, "--index", attack.public, "team-report") == NEWER


def test_uv_takes_the_attack_with_the_strategy_of_pip(attack: Attack) -> None:
    indexes = ("--default-index", attack.public, "--index", attack.private)
    assert attack.uv(*indexes, "--index-strategy", "unsafe-best-match", "team-report") == NEWER


# Two indexes, safe as long as the private one has the name


def test_uv_takes_yours_where_private_goes_first(attack: Attack) -> None:
    assert attack.uv("--default-index", attack.public, "--index", attack.private, "team-report") == YOURS
    assert attack.uv("--index-url", attack.public, "--extra-index-url", attack.private, "team-report") == YOURS


def test_uv_takes_the_attack_where_the_private_index_loses_the_name(attack: Attack) -> None:
    (attack.folder / "private/simple/team-report").rename(attack.folder / "lost")
    assert attack.uv("--default-index", attack.public, "--index", attack.private, "team-report") == NEWER


# Safe


def test_pip_and_uv_take_yours_from_one_merged_index(attack: Attack) -> None:
    assert attack.pip("--index-url", attack.merged, "team-report") == YOURS
    assert attack.uv("--default-index", attack.merged, "team-report") == YOURS


def test_one_index_is_not_one_where_a_variable_adds_another(attack: Attack) -> None:
    assert attack.pip("--index-url", attack.merged, "team-report", PIP_EXTRA_INDEX_URL=attack.public) == NEWER
    said = attack.pip("--isolated", "--index-url", attack.merged, "team-report", PIP_EXTRA_INDEX_URL=attack.public)
    assert said == YOURS


@pytest.mark.parametrize("order", [("private", "public"), ("public", "private")])
def test_hashes_take_yours_in_either_order(attack: Attack, order: tuple[str, str]) -> None:
    lock = _lock(attack)
    main, extra = (getattr(attack, name) for name in order)
    assert attack.pip("--require-hashes", "--index-url", main, "--extra-index-url", extra, "-r", lock) == YOURS


def test_hashes_refuse_the_attack_where_yours_is_gone(attack: Attack) -> None:
    lock = _lock(attack)
    said = attack.pip("--require-hashes", "--index-url", attack.public, "-r", lock)
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in said
    assert not attack.target.exists()


def test_a_lock_made_from_two_indexes_is_of_the_attack(attack: Attack) -> None:
    lock = _lock(attack, "--default-index", attack.private, "--index", attack.public)
    assert attack.pip("--require-hashes", "--index-url", attack.public, "-r", lock) == NEWER


def test_uv_checks_hashes_only_in_the_first_index(attack: Attack) -> None:
    lock = _lock(attack)
    indexes = ("--default-index", attack.private, "--index", attack.public)
    assert "Hash mismatch" in attack.uv("--require-hashes", *indexes, "-r", lock)
    assert (
        attack.uv("--require-hashes", "--default-index", attack.public, "--index", attack.private, "-r", lock) == YOURS
    )


def test_folders_and_no_index_take_yours(attack: Attack) -> None:
    yours, others = attack.folder / "private/simple/team-report", attack.folder / "public/simple/plain-table"
    assert attack.pip("--no-index", "--find-links", yours, "--find-links", others, "team-report") == YOURS


def test_an_address_with_a_hash_takes_yours(attack: Attack) -> None:
    page = (attack.folder / "private/simple/team-report/index.html").read_text("utf-8")
    link = page.split('"')[1]
    wanted = f"team-report @ {attack.private}team-report/{link}"
    assert attack.pip("--index-url", attack.private, "--extra-index-url", attack.public, wanted) == YOURS


# uv projects


def test_an_explicit_index_takes_yours(attack: Attack) -> None:
    assert _locked(attack, PROJECT) == [("plain-table", "2.0", attack.public), ("team-report", "1.0", attack.private)]


def test_an_explicit_index_stays_when_the_private_index_loses_the_name(attack: Attack) -> None:
    (attack.folder / "private/simple/team-report").rename(attack.folder / "lost")
    assert _locked(attack, PROJECT) == "team-report was not found in the package registry"


def test_an_explicit_index_is_not_asked_for_names_without_a_source(attack: Attack) -> None:
    project = PROJECT.replace('[tool.uv.sources]\nteam-report = { index = "team" }\n', "")
    assert _locked(attack, project) == [("team-report", "99.0", attack.public)]


def _lock(attack: Attack, *indexes: str) -> Path:
    """Lock the project with its hashes, as the merged index has it if no other is given."""
    wanted, lock = attack.folder / "requirements.in", attack.folder / "requirements.txt"
    wanted.write_text("team-report\n", "utf-8")
    command = (find_uv_bin(), "pip", "compile", "--no-config", "--quiet", "--no-header", "--generate-hashes")
    indexes = indexes or ("--default-index", attack.merged)
    assert attack.run(*command, *indexes, wanted, "--output-file", lock) == (0, "")
    assert "--hash=sha256:" in lock.read_text("utf-8")
    return lock


def _locked(attack: Attack, project: str) -> list[tuple[str, str, str]] | str:
    """Lock a project with uv; give names, versions and indexes, or the fault in short."""
    for documented, served in ((8000, attack.private), (8001, attack.public)):
        project = project.replace(f"http://127.0.0.1:{documented}/simple/", served)
    (attack.folder / "pyproject.toml").write_text(project, "utf-8")
    status, said = attack.run(find_uv_bin(), "lock", "--quiet")
    if status != 0:
        fault = "team-report was not found in the package registry"
        return fault if fault in said else said
    packages = tomllib.loads((attack.folder / "uv.lock").read_text("utf-8"))["package"]
    return [(p["name"], p["version"], p["source"]["registry"]) for p in packages if "registry" in p["source"]]
