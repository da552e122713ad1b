"""The engine beside its peers on the same work: ``python -m benchmarks --help``.

Whatever is measured here, and the processes that do it, have numpy as the command has it.
"""

from flowrules.processor import choose_sorting

choose_sorting()
