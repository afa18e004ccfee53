"""How the generators of windows are built and fitted."""

from __future__ import annotations

from dataclasses import replace

from cloudchamber.models.channels import Channels
from cloudchamber.models.gan import Gan
from cloudchamber.models.matching import Matching
from cloudchamber.models.recipe import Fit, Optimiser, Recipe
from cloudchamber.models.vae import Vae
from cloudchamber.models.vae_networks import ConvEncoding
from cloudchamber.models.watch import EffectiveDegrees
from cloudchamber.nn.codec import Columns
from cloudchamber.studies.bolometer.detector import Detector
from cloudchamber.studies.bolometer.generators.codec import WindowPower
from cloudchamber.studies.bolometer.generators.crab import CrabNetworks
from cloudchamber.studies.bolometer.generators.velocity import WindowVelocity
from cloudchamber.studies.bolometer.views.windows import WindowsView

TARGET, GIVEN = ("power_w",), ("phi_mv", "thickness_um")
BOLOMETERS, SAMPLES = Detector().bolometers, WindowsView().samples
WATCH = EffectiveDegrees(channels=BOLOMETERS, events=256, least=0.02, patience=5)
"""Of each bolometer: a generator of 100 latent numbers that uses them all has some tenths, one that draws a handful of windows 0.01."""


def crab_gan() -> Recipe:
    """The talk's cross-entropy GAN: one bolometer's window of 100 latent numbers."""
    discriminator, generator = Optimiser("sgd", 1e-2, (0.5, 0.9)), Optimiser("adam", 5e-4, (0.5, 0.999), rest_epochs=2)
    return Recipe(
        name="crab_gan",
        doc="GAN on windows of one bolometer, cross-entropy, the networks of the Cosmic Rays Artificial Background (CRAB); knows nothing of phi",
        target=TARGET,
        given=GIVEN,
        target_codec=WindowPower("scale"),
        given_codec=Columns({}),
        model=Channels(
            Gan("cross_entropy", CrabNetworks(SAMPLES), latent=100, critic_steps=2, smoothing=0.0, generator_smoothing=0.1, synthetic=0.5), BOLOMETERS
        ),
        fit=Fit(epochs=10, batch_size=32, optimisers={"model.critic": discriminator, "model.generator": generator}, schedule="constant", clip_norm=None),
        watch=WATCH,
    )


def crab_wgan() -> Recipe:
    """The talk's other loss: the same networks, Wasserstein, here with a gradient penalty."""
    discriminator, generator = Optimiser("sgd", 1e-3, (0.5, 0.9)), Optimiser("adam", 5e-4, (0.5, 0.999), rest_epochs=2)
    before = crab_gan()
    return replace(
        before,
        name="crab_wgan",
        doc="the same with the Wasserstein loss and a gradient penalty",
        model=Channels(Gan("wasserstein", CrabNetworks(SAMPLES), latent=100, critic_steps=3, penalty=10.0), BOLOMETERS),
        fit=replace(before.fit, epochs=6, batch_size=48, optimisers={"model.critic": discriminator, "model.generator": generator}),
    )


def vae_gaussian() -> Recipe:
    """A convolutional VAE of all bolometers with a Gaussian decoder."""
    return Recipe(
        name="vae_gaussian",
        doc="convolutional VAE on windows of all bolometers, Gaussian likelihood",
        target=TARGET,
        given=GIVEN,
        target_codec=WindowPower("standard"),
        given_codec=Columns({}),
        model=Vae(latent=64, networks=ConvEncoding(BOLOMETERS, SAMPLES)),
        fit=Fit(epochs=40, batch_size=128, optimisers={"": Optimiser("adam", 1e-3)}, schedule="cosine", warmup_epochs=0.5),
        # the mean of a decoder of few latent numbers has few degrees of freedom by itself: the figure is shown, and stops nothing
        watch=replace(WATCH, least=0.0),
    )


def vae_bernoulli_1() -> Recipe:
    """The same with a Bernoulli likelihood, as of black and white images: data are shares of a power that one sample in a thousand exceeds, and end there."""
    return replace(
        vae_gaussian(),
        name="vae_bernoulli_1",
        doc="the same on shares of a highest power, Bernoulli likelihood",
        target_codec=WindowPower("share"),
        model=Vae(latent=64, likelihood="bernoulli", networks=ConvEncoding(BOLOMETERS, SAMPLES)),
    )


def vae_bernoulli_2() -> Recipe:
    """The same with the norm that makes a density of it, and more latent numbers and features; what the talk's second one had is not public."""
    return replace(
        vae_gaussian(),
        name="vae_bernoulli_2",
        doc="the same, continuous Bernoulli likelihood and 256 latent numbers",
        target_codec=WindowPower("share"),
        model=Vae(latent=256, likelihood="continuous_bernoulli", networks=ConvEncoding(BOLOMETERS, SAMPLES, width=24)),
    )


def matching_windows() -> Recipe:
    """Flow matching on windows of all bolometers, with convolutions over patches of time."""
    return replace(
        vae_gaussian(),
        name="matching_windows",
        doc="flow matching on windows of all bolometers, convolutions over patches of time",
        target_codec=WindowPower("normal"),
        model=Matching(steps=8, network=WindowVelocity(BOLOMETERS)),
        fit=Fit(epochs=20, batch_size=64, optimisers={"": Optimiser(learning_rate=2e-3)}, schedule="cosine", warmup_epochs=0.5, average_decay=0.999),
        watch=WATCH,
    )
