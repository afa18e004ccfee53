"""A run made of several: the mixture of what its members say."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from cloudchamber.run.domain import Domain, SetDomain, values_of
from cloudchamber.run.network import NetworkSaid, TrainedNetwork
from cloudchamber.run.trained import TrainedModel
from cloudchamber.schema import Table


@dataclass(frozen=True)
class EnsembleSaid:
    """The mixture, with equal weights, of what each member says."""

    members: tuple[NetworkSaid, ...]

    def sample(self, noise: Tensor, **options: Any) -> dict[str, Tensor]:
        """Of each event the draw of one member."""
        picked = picked_member(noise, len(self.members))
        drawn = [said.sample(own_noise(noise, said.network), **said.network.options(options)) for said in self.members]
        return {name: selected(picked, [each[name] for each in drawn]) for name in drawn[0]}

    def repeated(self, times: int) -> EnsembleSaid:
        """Each member's."""
        return EnsembleSaid(tuple(said.repeated(times) for said in self.members))

    def log_prob(self, target: dict[str, Tensor]) -> Tensor:
        """Of the mixture."""
        return torch.stack([said.log_prob(target) for said in self.members]).logsumexp(0) - math.log(len(self.members))

    def probabilities(self) -> Tensor | None:
        """The members' mean, where all state them."""
        stated = [found for said in self.members if (found := said.probabilities()) is not None]
        return torch.stack(stated).mean(0) if len(stated) == len(self.members) else None

    def spread(self) -> Table:
        """Nothing: its members' numbers are scaled each in its own way, so that the draws tell."""
        return {}

    def familiarity(self) -> Tensor | None:
        """The members' mean, where all know it."""
        known = [found for said in self.members if (found := said.familiarity()) is not None]
        return torch.stack(known).mean(0) if len(known) == len(self.members) else None


class Ensemble(TrainedModel):
    """The mixture of several trained networks with the same columns; it answers where all of them may."""

    def __init__(self, members: Sequence[TrainedNetwork]) -> None:
        if len(members) < 2:
            raise ValueError(f"an ensemble needs two runs or more, got {len(members)}")
        self.members = tuple(members)
        first = self.members[0]
        for number, member in enumerate(self.members):
            if member.study != first.study:
                raise ValueError(f"member {number} of the ensemble belongs to the study '{member.study}', the first one to '{first.study}'")
            if set(member.given) != set(first.given) or set(member.target) != set(first.target):
                learned = " and ".join(f"{', '.join(sorted(each.target))} from {', '.join(sorted(each.given))}" for each in (first, member))
                raise ValueError(f"the members of an ensemble answer one question, the first one and member {number} do not: {learned}")
            there, here = first.schema.columns, member.schema.columns
            if changed := [name for name in (*first.given, *first.target) if not there[name].alike(here[name])]:
                raise ValueError(
                    f"the column '{changed[0]}' of member {number} of the ensemble is {here[changed[0]]}, that of the first one {there[changed[0]]}"
                )
            if any(member.digest == other.digest for other in self.members[:number]):
                raise ValueError(f"member {number} of the ensemble has the weights of one before it: train with another --seed")
        self.study, self.schema, self.seed, self.folder = first.study, first.schema, first.seed, first.folder
        self.domain = common_domain([member.domain for member in self.members])

    @property
    def name(self) -> str:
        """Of how many."""
        return f"ensemble of {len(self.members)}"

    @property
    def doc(self) -> str:
        """Whose mixture it is."""
        return f"mixture of {len(self.members)} trained models: {', '.join(member.name for member in self.members)}"

    @property
    def given(self) -> tuple[str, ...]:
        """The members'."""
        return self.members[0].given

    @property
    def target(self) -> tuple[str, ...]:
        """The members'."""
        return self.members[0].target

    @property
    def parameters(self) -> int:
        """Of all members."""
        return sum(member.parameters for member in self.members)

    @property
    def noise_size(self) -> int:
        """A number that picks the member, and the most that a member needs."""
        return 1 + max(member.noise_size for member in self.members)

    @property
    def batch_events(self) -> int:
        """The fewest of a member."""
        return min(member.batch_events for member in self.members)

    @property
    def digest(self) -> str:
        """Of the members' weights and sampling options."""
        return hashlib.sha256("".join(f"{member.digest}{sorted(member.options({}).items())}" for member in self.members).encode()).hexdigest()

    @property
    def device(self) -> torch.device:
        """The members'."""
        return self.members[0].device

    def options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Those asked for, which all members must have; what is not asked for is each member's own."""
        for member in self.members:
            member.options(options)
        return dict(options)

    def said(self, given: dict[str, Tensor]) -> EnsembleSaid:
        """What the members say of events with these columns."""
        return EnsembleSaid(tuple(member.said(given) for member in self.members))

    def generated(self, noise: Tensor, given: dict[str, Tensor], options: Mapping[str, Any]) -> dict[str, Tensor]:
        """One draw for each event; each member is asked only for its own events."""
        picked = picked_member(noise, len(self.members))
        found: dict[str, Tensor] = {}
        for number, member in enumerate(self.members):
            mine = torch.nonzero(picked == number)[:, 0]
            if not len(mine):
                continue
            own = {name: values[mine] for name, values in given.items()}
            for name, values in member.generated(own_noise(noise[mine], member), own, member.options(options)).items():
                whole = found.setdefault(name, values.new_zeros((len(noise), *values.shape[1:])))
                whole[mine] = values
        return found


def networks_of(model: TrainedModel) -> tuple[TrainedNetwork, ...]:
    """An ensemble's members, or a network itself."""
    if isinstance(model, Ensemble):
        return model.members
    assert isinstance(model, TrainedNetwork)
    return (model,)


def picked_member(noise: Tensor, members: int) -> Tensor:
    """Which member answers each event, (events,): all alike probable, by the first standard normal number of its ``noise``."""
    share = 0.5 * (1.0 + torch.erf(noise[:, 0] / math.sqrt(2.0)))
    return (share * members).long().clamp(0, members - 1)


def own_noise(noise: Tensor, member: TrainedNetwork) -> Tensor:
    """The part of an ensemble's ``noise`` that a member takes."""
    return noise[:, 1 : 1 + member.noise_size]


def selected(picked: Tensor, values: Sequence[Tensor]) -> Tensor:
    """Of each event the entry of the member that was ``picked``."""
    found = values[0]
    for number, other in enumerate(values[1:], start=1):
        found = torch.where((picked == number).reshape(-1, *(1 for _ in other.shape[1:])), other, found)
    return found


def common_domain(domains: Sequence[Domain]) -> Domain:
    """What lies in all of them; ValueError with the column where nothing does."""
    common = dict(domains[0])
    for name in common:
        entries = [domain[name] for domain in domains]
        ranges = [values_of(entry) for entry in entries]
        if isinstance(ranges[0][0], str):
            allowed: Any = tuple(value for value in ranges[0] if all(value in each for each in ranges))
        else:
            allowed = max(float(low) for low, _ in ranges), min(float(high) for _, high in ranges)
        counts = [entry.elements for entry in entries if isinstance(entry, SetDomain)]
        elements = (max(low for low, _ in counts), min(high for _, high in counts)) if counts else (0, 0)
        if not allowed or (not isinstance(allowed[0], str) and allowed[0] > allowed[1]) or elements[0] > elements[1]:
            raise ValueError(f"the members of the ensemble were trained on ranges of '{name}' that do not meet: {', '.join(map(str, ranges))}")
        common[name] = SetDomain(allowed, elements) if counts else allowed
    return common
