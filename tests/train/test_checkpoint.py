import resource

import pytest
import torch
from toys import Adversarial, Gaussian

from cloudchamber.atomic import write_atomically
from cloudchamber.models.gan import Gan
from cloudchamber.models.gan_networks import DenseNetworks
from cloudchamber.models.recipe import Fit, Optimiser
from cloudchamber.train.checkpoint import CURRENT, PREVIOUS, check_fingerprint, fingerprint, load_checkpoint, save_checkpoint


def save(folder, epoch):
    save_checkpoint(folder, {"epoch": epoch, "weights": torch.full((50,), float(epoch))})


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_the_newest_is_read_and_two_are_kept(tmp_path):
    assert load_checkpoint(tmp_path) is None
    for epoch in (1, 2, 3):
        save(tmp_path, epoch)
    state = load_checkpoint(tmp_path)
    assert state["epoch"] == 3
    assert torch.equal(state["weights"], torch.full((50,), 3.0))
    assert sorted(path.name for path in tmp_path.iterdir()) == [PREVIOUS, CURRENT]


@pytest.mark.parametrize("harm", ["bit", "truncated", "empty"])
def test_a_damaged_one_falls_back_to_the_previous(tmp_path, harm):
    save(tmp_path, 1)
    save(tmp_path, 2)
    newest = tmp_path / CURRENT
    if harm == "bit":
        damage(newest)
    else:
        newest.write_bytes(newest.read_bytes()[: 700 if harm == "truncated" else 0])
    with pytest.warns(RuntimeWarning, match=r"checkpoint.pt is damaged; using checkpoint-previous.pt"):
        assert load_checkpoint(tmp_path)["epoch"] == 1
    damage(tmp_path / PREVIOUS)
    with pytest.raises(ValueError, match="delete both to train anew"):
        load_checkpoint(tmp_path)


def test_a_kill_between_the_two_renames_loses_nothing(tmp_path):
    save(tmp_path, 1)
    (tmp_path / CURRENT).rename(tmp_path / PREVIOUS)
    (tmp_path / (CURRENT + ".new")).write_bytes(b"half")
    assert load_checkpoint(tmp_path)["epoch"] == 1
    save(tmp_path, 2)
    assert load_checkpoint(tmp_path)["epoch"] == 2


def test_a_full_disk_keeps_what_was_there(tmp_path):
    save(tmp_path, 1)
    write_atomically(tmp_path / "log.csv", b"epoch\n1\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    try:
        with pytest.raises(OSError, match=r"could not write it \(File too large\).*checkpoint\.pt\.new"):
            save(tmp_path, 2)
        with pytest.raises(OSError, match=r"could not write it .*log\.csv"):
            write_atomically(tmp_path / "log.csv", b"x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_checkpoint(tmp_path)["epoch"] == 1
    assert (tmp_path / "log.csv").read_bytes() == b"epoch\n1\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [CURRENT, "log.csv"]


def test_a_checkpoint_of_another_fit_is_refused_by_name(tmp_path):
    one = fingerprint(Gaussian(), Fit(), seed=1)
    check_fingerprint(one, fingerprint(Gaussian(), Fit(), seed=1), tmp_path)
    with pytest.raises(ValueError, match=r"settings.epochs was 100, is now 7; settings.optimisers..learning_rate was 0.001, is now 0.01; seed was 1, is now 2"):
        check_fingerprint(one, fingerprint(Gaussian(), Fit(epochs=7, optimisers={"": Optimiser(learning_rate=0.01)}), seed=2), tmp_path)
    with pytest.raises(ValueError, match=r"model.mean.weight was float32 \(1, 2\), is now float32 \(1, 3\)"):
        check_fingerprint(one, fingerprint(Gaussian(given_size=3), Fit(), seed=1), tmp_path)
    with pytest.raises(ValueError, match=r"model was Gaussian, is now Adversarial;.* more\)"):
        check_fingerprint(one, fingerprint(Adversarial(), Fit(), seed=1), tmp_path)


def test_a_changed_penalty_is_another_fit(tmp_path):
    made = [Gan(networks=DenseNetworks(hidden=8, layers=1), latent=2, penalty=penalty).build(3, 2) for penalty in (10.0, 1.0)]
    one, other = (fingerprint(model, Fit(), seed=1) for model in made)
    with pytest.raises(ValueError, match=r"settings\.penalty was 10\.0, is now 1\.0"):
        check_fingerprint(one, other, tmp_path)
    with pytest.raises(ValueError, match=r"transforms\.light was log, is now linear"):
        check_fingerprint(
            fingerprint(made[0], Fit(), identity={"recipe.target_codec.transforms.light": "log"}),
            fingerprint(made[0], Fit(), identity={"recipe.target_codec.transforms.light": "linear"}),
            tmp_path,
        )
