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
    """At most four usable times: the curvature is hardly more than the mean of its zenith angle and S800."""
    NOT_CONVERGED = 8
    """The last pass stopped before its estimated distance to the minimum was small."""
    COVARIANCE = 16
    """The covariance says little: its matrix was near singular, or a parameter at its bound."""
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
    """A second minimum, with its core elsewhere, fits about as well; the covariance is that of the better one."""
    POOR_FIT = 2048
    """chi2 per degree of freedom of the times or of the signals above 2: the model does not describe the event; the covariance was widened by it."""
    INCLINED = 4096
    """Fitted zenith angle above 45 deg, for which the fit's constants were not tuned: errors are up to 1.5 times as large as the covariance says."""
