"""The Geant4 application: crystals, physics, gun and read-out.

Imported only in a process of its own (``geant4_process``), whose environment names the data sets: otherwise geant4_pybind wants to download them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from geant4_pybind import (
    FTFP_BERT,
    G4Box,
    G4EmParameters,
    G4EmStandardPhysics,
    G4EmStandardPhysics_option1,
    G4EmStandardPhysics_option2,
    G4LogicalVolume,
    G4MultiFunctionalDetector,
    G4NistManager,
    G4ParticleGun,
    G4ParticleTable,
    G4PSEnergyDeposit,
    G4PVPlacement,
    G4RunManagerFactory,
    G4RunManagerType,
    G4SDManager,
    G4ThreeVector,
    G4UserEventAction,
    G4VModularPhysicsList,
    G4VUserActionInitialization,
    G4VUserDetectorConstruction,
    G4VUserPrimaryGeneratorAction,
    HepRandom,
)

from cloudchamber.studies.calorimeter.columns import POLAR_LIMIT_DEG
from cloudchamber.studies.calorimeter.geometry import Crystals

ELECTROMAGNETIC_PHYSICS = {"opt0": G4EmStandardPhysics, "opt1": G4EmStandardPhysics_option1, "opt2": G4EmStandardPhysics_option2}
_BEFORE_FACE_MM = 0.01


class Detector(G4VUserDetectorConstruction):
    """The crystals in vacuum, copy numbers as ``Crystals`` counts its cells."""

    def __init__(self, crystals: Crystals) -> None:
        super().__init__()
        self.crystals = crystals
        # Geant4 does not own what Python makes
        self.kept: list[Any] = []

    def Construct(self) -> Any:
        crystals, nist = self.crystals, G4NistManager.Instance()
        vacuum, medium = nist.FindOrBuildMaterial("G4_Galactic"), nist.FindOrBuildMaterial(crystals.medium.geant4_name)
        half_width = crystals.half_width_mm + _BEFORE_FACE_MM * np.tan(np.radians(POLAR_LIMIT_DEG)) + 1.0
        world = G4LogicalVolume(G4Box("world", half_width, half_width, crystals.length_mm + 1.0), vacuum, "world")
        placed = G4PVPlacement(None, G4ThreeVector(), world, "world", None, False, 0, False)
        half, half_depth = 0.5 * (crystals.pitch_mm - crystals.gap_mm), 0.5 * crystals.length_mm / crystals.layers
        cell = G4LogicalVolume(G4Box("cell", half, half, half_depth), medium, "cell")
        for number, (x, y, z) in enumerate(crystals.centres_mm()):
            self.kept.append(G4PVPlacement(None, G4ThreeVector(x, y, z), cell, "cell", world, False, number, False))
        self.kept += [world, placed, cell]
        return placed

    def ConstructSDandField(self) -> None:
        scorer = G4MultiFunctionalDetector("crystals")
        G4SDManager.GetSDMpointer().AddNewDetector(scorer)
        scorer.RegisterPrimitive(G4PSEnergyDeposit("deposit"))
        self.SetSensitiveDetector("cell", scorer)


class ElectromagneticPhysics(G4VModularPhysicsList):
    """One of Geant4's standard electromagnetic options and nothing else."""

    def __init__(self, option: str) -> None:
        super().__init__()
        self.RegisterPhysics(ELECTROMAGNETIC_PHYSICS[option]())


class Gun(G4VUserPrimaryGeneratorAction):
    """Shoots event number i of ``events``: particle names, energies [MeV], points [mm] and directions."""

    def __init__(self) -> None:
        super().__init__()
        self.gun = G4ParticleGun(1)
        self.events: dict[str, list[Any]] = {}

    def GeneratePrimaries(self, event: Any) -> None:
        i = event.GetEventID()
        self.gun.SetParticleDefinition(G4ParticleTable.GetParticleTable().FindParticle(self.events["particle"][i]))
        self.gun.SetParticleEnergy(self.events["energy_mev"][i])
        self.gun.SetParticlePosition(G4ThreeVector(*self.events["start_mm"][i]))
        self.gun.SetParticleMomentumDirection(G4ThreeVector(*self.events["direction"][i]))
        self.gun.GeneratePrimaryVertex(event)


class ReadOut(G4UserEventAction):
    """Fills ``deposit_mev`` (events, cells) at each event's end."""

    def __init__(self) -> None:
        super().__init__()
        self.collection: int | None = None
        self.deposit_mev = np.zeros((0, 0), np.float32)

    def EndOfEventAction(self, event: Any) -> None:
        if self.collection is None:
            self.collection = G4SDManager.GetSDMpointer().GetCollectionID("crystals/deposit")
        row = self.deposit_mev[event.GetEventID()]
        for cell, deposit in event.GetHCofThisEvent().GetHC(self.collection):
            row[cell] = deposit


class Actions(G4VUserActionInitialization):
    """Makes the gun and the read-out once Geant4 has its physics, not before."""

    def Build(self) -> None:
        self.gun, self.read_out = Gun(), ReadOut()
        self.SetUserAction(self.gun)
        self.SetUserAction(self.read_out)


class Application:
    """Geant4, set up once; there can be one in a process."""

    def __init__(self, crystals: Crystals, physics: str, cut_mm: float) -> None:
        self.crystals, self.detector, self.actions = crystals, Detector(crystals), Actions()
        self.manager = G4RunManagerFactory.CreateRunManager(G4RunManagerType.SerialOnly)
        self.manager.SetVerboseLevel(0)
        self.physics = FTFP_BERT() if physics == "FTFP_BERT" else ElectromagneticPhysics(physics)
        self.physics.SetVerboseLevel(0)
        self.physics.SetDefaultCutValue(cut_mm)
        G4EmParameters.Instance().SetVerbose(0)
        for part in (self.detector, self.physics, self.actions):
            self.manager.SetUserInitialization(part)
        self.manager.Initialize()
        # builds the tables of physics, so that missing data sets show at the start
        self.manager.BeamOn(0)

    def run(self, events: dict[str, Any], seeds: list[int]) -> np.ndarray:
        """Deposits (events, cells) [MeV]. The random engine starts from ``seeds`` (four numbers in [1, 2**32)), whatever ran before."""
        direction = events["direction"]
        start = np.column_stack([events["impact_mm"], np.zeros(len(direction))]) - _BEFORE_FACE_MM / direction[:, 2:] * direction
        self.actions.gun.events = {
            "particle": events["particle"],
            "energy_mev": events["energy_mev"].tolist(),
            "start_mm": start.tolist(),
            "direction": direction.tolist(),
        }
        self.actions.read_out.deposit_mev = np.zeros((len(direction), self.crystals.cells), np.float32)
        # the binding reads up to a zero
        HepRandom.setTheSeeds([*seeds, 0], len(seeds))
        self.manager.BeamOn(len(direction))
        return self.actions.read_out.deposit_mev
