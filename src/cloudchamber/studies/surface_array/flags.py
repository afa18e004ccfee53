"""What can be wrong with a reconstructed event, bit by bit."""

from __future__ import annotations

from enum import IntFlag


class FitFlag(IntFlag):
    """Bits of the column ``fit_flags``; 0 is an event without complaint."""

    NO_STATION = 1
    """No usable time at all: the direction is vertical, everything else a placeholder."""
    FEW_STATIONS = 2
    """Less than three usable times: no plane through them, so the direction rests on what showers are like."""
    CURVATURE_HELD = 4
    """At most four usable times: the curvature stays at the mean of its zenith angle and S800."""
    NOT_CONVERGED = 8
    """The last pass stopped before its estimated distance to the minimum was small."""
    COVARIANCE = 16
    """The covariance is a placeholder or was widened: its matrix was near singular, or a parameter at its bound."""
    TIME_OUTLIER = 32
    """At least one station was left out since its time does not belong to this shower."""
    SATURATED = 64
    """At least one station's signal is a lower bound: its time was used alone."""
    ALL_SATURATED = 128
    """No unsaturated signal: S800 rests on lower bounds."""
    DUPLICATE = 256
    """Several records of one position: the strongest was used."""
    BAD_RECORD = 512
    """A station was left out: a position or sample that is not finite, or no pulse above the noise."""
    AMBIGUOUS = 1024
    """A second, distant minimum fits about as well; the covariance spans both."""
    POOR_FIT = 2048
    """chi2 per degree of freedom so large that the model does not describe the event; the covariance was widened by it."""
