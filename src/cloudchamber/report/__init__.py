"""Pages that people read: reports of checks, answers, their figures."""
