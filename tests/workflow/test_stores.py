"""Stores of `simulate` and `convert`: random numbers of their own, what they are meant to hold, and what an interruption leaves."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from cloudchamber.atomic import FolderInUseError
from cloudchamber.cli import main
from cloudchamber.store import Store, StoreWriter
from cloudchamber.study import BUILT_IN, find_study
from cloudchamber.workflow import convert, simulate
from cloudchamber.workflow.simulation import digest, live_events, stream_words

EVENTS = 1200


def made(folder: Path, *flags: str) -> Store:
    main(["simulate", "toy", str(folder), *([] if "--theta" in flags else ["--n", str(EVENTS)]), "--workers", "1", *flags])
    return Store(folder)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return made(tmp_path_factory.mktemp("stores") / "first")


def noise(store: Store) -> np.ndarray:
    """What the simulator drew, whatever its settings: decay times over lifetimes, and the tubes' shares. (4, events)"""
    table = store.read()
    light = table["light"] / (1 + table["kind"])[:, None]
    return np.stack([table["decay_time_us"] / table["lifetime_us"], *np.log(light.T)])


def assert_independent(one: Store, other: Store) -> None:
    for first, second in zip(noise(one), noise(other), strict=True):
        assert not np.any(first == second)
        assert stats.spearmanr(first, second).pvalue > 1e-6


def test_a_default_store_keeps_its_bits(first: Store) -> None:
    """Documented figures rest on them."""
    assert digest(first.read()) == "498aae8b2bdff4ba"


def test_other_defaults_keep_their_bits(tmp_path: Path) -> None:
    main(["simulate", "toy_sets", str(tmp_path / "sets"), "--n", "300", "--workers", "1", "--seed", "5"])
    assert digest(Store(tmp_path / "sets").read()) == "a74e644cbd8d07d9"
    assert digest(live_events(find_study("toy").simulator, 450, 3)) == "b8625420df71d502"


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_first_simulator_with_its_defaults_has_no_word(name: str) -> None:
    assert stream_words(find_study(name).simulator) == ()


def test_given_theta_gets_noise_of_its_own(tmp_path: Path, first: Store) -> None:
    second = made(tmp_path / "second", "--theta", str(first.folder))
    again = made(tmp_path / "again", "--theta", str(second.folder), "--workers", "2")
    old, new = first.read(), second.read()
    for name in ("lifetime_us", "kind"):
        np.testing.assert_array_equal(old[name], new[name])
    for name in ("decay_time_us", "light"):
        assert not np.any(old[name] == new[name])
        # the same seed and theta give the same events, whatever the number of workers
        np.testing.assert_array_equal(new[name], again.read()[name])
    assert_independent(first, second)
    assert (first.dataset.order, second.dataset.order) == ("random", "given")


def test_the_whole_theta_counts_for_every_block(tmp_path: Path, first: Store) -> None:
    theta = {name: first.read()[name] for name in ("lifetime_us", "kind")}
    other = {name: values.copy() for name, values in theta.items()}
    other["kind"][-1] = 1 - other["kind"][-1]
    for name, table in (("a", theta), ("b", other)):
        simulate("toy", tmp_path / name, theta=table)
    assert_independent(Store(tmp_path / "a"), Store(tmp_path / "b"))


@pytest.mark.parametrize(
    "flags",
    [("--settings.light-pe", "80"), ("--settings.lifetime-high-us", "8"), ("--simulator", "peer"), ("--block-events", "600"), ("--seed", "2")],
    ids=["setting of x", "setting of theta", "simulator", "block", "seed"],
)
def test_stores_of_one_seed_share_no_noise(tmp_path: Path, first: Store, flags: tuple[str, str]) -> None:
    assert_independent(first, made(tmp_path / "other", *flags))


def test_the_same_settings_and_workers_of_any_number_give_the_same_events(tmp_path: Path) -> None:
    one = made(tmp_path / "one", "--settings.light-pe", "80", "--block-events", "300")
    two = made(tmp_path / "two", "--settings.light-pe", "80", "--block-events", "300", "--workers", "2")
    assert digest(one.read()) == digest(two.read())
    # a default that is written out is the default
    assert digest(made(tmp_path / "three", "--settings.light-pe", "40").read()) == "498aae8b2bdff4ba"


@dataclass(frozen=True)
class Part:
    """A part of the settings."""

    a: float = 1.0
    b: float = 2.0


@dataclass(frozen=True)
class Nested:
    """Settings with a part."""

    part: Part = field(default_factory=Part)
    steps: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Needed:
    """Settings without defaults."""

    a: float


def test_words_name_what_differs() -> None:
    assert stream_words(Nested()) == ()
    assert stream_words(Nested(Part(b=3.0))) == ('settings {"part": {"b": 3.0}}',)
    assert stream_words(Nested(steps=(1,))) == ('settings {"steps": [1]}',)
    assert stream_words(Needed(1.0)) == ('settings {"a": 1.0}',)
    theta = {"a": np.arange(3)}
    words = stream_words(Nested(), theta, "peer", 500)
    assert words == ("simulator peer", f"theta {digest(theta)}", "blocks of 500")


def test_live_events_of_theta_and_settings_are_their_own() -> None:
    study = find_study("toy")
    plain = live_events(study.simulator, 600, 3)
    theta = {name: plain[name] for name in ("lifetime_us", "kind")}
    tables = [plain, live_events(study.simulator, 600, 3, theta=theta), live_events(study.simulator, 600, 3, theta=theta, purpose="floor")]
    tables.append(live_events(study.make_simulator(light_pe=80.0), 600, 3))
    for i, one in enumerate(tables):
        for other in tables[:i]:
            assert stats.spearmanr(one["decay_time_us"] / one["lifetime_us"], other["decay_time_us"] / other["lifetime_us"]).pvalue > 1e-6
    assert digest(live_events(study.simulator, 600, 3, workers=2, theta=theta)) == digest(tables[1])


def test_a_store_says_how_many_events_it_is_meant_to_hold(tmp_path: Path) -> None:
    simulate("toy", tmp_path / "a", n=2500)
    store = Store(tmp_path / "a")
    assert (store.n_intended, store.dataset.blocks, store.missing_blocks, store.dataset.order) == (2500, 3, [], "random")
    simulate("toy", tmp_path / "b", n=2000)
    (tmp_path / "b" / "shard-000001.h5").unlink()
    with pytest.raises(ValueError, match=r"holds 1 of 2 blocks \(block 1 is missing\)"):
        Store(tmp_path / "b").refuse_gaps()
    # fewer events than the store was meant to hold, none of them beyond
    simulate("toy", tmp_path / "b", n=1000)
    Store(tmp_path / "b").refuse_gaps()
    simulate("toy", tmp_path / "b", n=2000)
    assert digest(Store(tmp_path / "b").read()) == digest(Store(tmp_path / "a").read(events=slice(0, 2000)))


def test_a_store_that_holds_more_keeps_whole_blocks(tmp_path: Path) -> None:
    simulate("toy", tmp_path / "a", n=3000)
    whole = digest(Store(tmp_path / "a").read())
    (tmp_path / "a" / "shard-000001.h5").unlink()
    simulate("toy", tmp_path / "a", n=1500)
    assert (Store(tmp_path / "a").n_intended, digest(Store(tmp_path / "a").read())) == (3000, whole)


def test_a_short_store_refuses_to_grow_and_stays_whole(tmp_path: Path) -> None:
    simulate("toy", tmp_path / "a", n=1500)
    with pytest.raises(ValueError, match=r"block 1 of .* holds 500 events: only a store of a multiple of 1000 can grow"):
        simulate("toy", tmp_path / "a", n=4000)
    assert Store(tmp_path / "a").n_intended == 1500
    Store(tmp_path / "a").refuse_gaps()


def test_convert_notes_what_it_writes(tmp_path: Path, first: Store) -> None:
    convert("toy", first.folder, tmp_path / "a.h5")
    convert("toy", tmp_path / "a.h5", tmp_path / "b")
    store = Store(tmp_path / "b")
    assert (store.n_intended, store.dataset.blocks, store.dataset.order, store.missing_blocks) == (EVENTS, 2, "random", [])
    # the fixed permutation
    assert digest(store.read()) == "926e6983a2318a43"


def test_one_simulation_at_a_time(tmp_path: Path, first: Store) -> None:
    with StoreWriter(tmp_path / "a", first.schema, "decay", first.settings, first.seed):
        with pytest.raises(FolderInUseError, match=f"is being written by 'StoreWriter of decay', process {os.getpid()}"):
            simulate("toy", tmp_path / "a", n=EVENTS)
        with pytest.raises(ValueError, match="holds another dataset"):
            simulate("toy", tmp_path / "a", n=EVENTS, seed=2)
    simulate("toy", tmp_path / "a", n=EVENTS)
    assert digest(Store(tmp_path / "a").read()) == "498aae8b2bdff4ba"


def test_a_killed_simulation_with_workers_resumes_to_the_same_events(tmp_path: Path) -> None:
    """Its workers live a second longer, and may still write."""
    code = """
import sys
from cloudchamber.workflow import simulate
if __name__ == "__main__":
    simulate("toy", sys.argv[1], n=40_000, block_events=100, workers=2)
"""
    (tmp_path / "run.py").write_text(code)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1] / "plugin"), *sys.path])}
    child = subprocess.Popen([sys.executable, str(tmp_path / "run.py"), str(tmp_path / "a")], env=environment)
    while not list((tmp_path / "a").glob("shard-*")) and child.poll() is None:
        time.sleep(1e-3)
    child.send_signal(signal.SIGKILL)
    child.wait()
    there = len(Store(tmp_path / "a").blocks)
    assert 0 < there < 400
    simulate("toy", tmp_path / "a", n=40_000, block_events=100)
    simulate("toy", tmp_path / "b", n=40_000, block_events=100)
    assert digest(Store(tmp_path / "a").read()) == digest(Store(tmp_path / "b").read())
    time.sleep(1.5)
    simulate("toy", tmp_path / "a", n=40_000, block_events=100)
    assert {path.name for path in (tmp_path / "a").iterdir()} == {path.name for path in (tmp_path / "b").iterdir()}
    Store(tmp_path / "a").verify()
    assert not multiprocessing.active_children()
