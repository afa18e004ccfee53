"""Makes the toy models' ``runs`` and ``toy`` importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
