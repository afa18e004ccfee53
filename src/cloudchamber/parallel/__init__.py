"""One door for parallel work: blocks, and where they are done."""
