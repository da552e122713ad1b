"""The sample network: a week of synthetic flows with the figures that the report prints.

"Network Profiling Using Flow" (CMU/SEI-2012-TR-006) shows its process on a data set that is not
public.  This one is made up: a seeded generator of hosts that behave (a gateway with twenty hosts
behind it that keep their port counters, a proxy with a single counter, people with office hours,
servers, mail, names, scans), tuned so that the commands of sections 5.2 and 5.3 print the
report's own numbers, of which ``figures`` has the list.  No flow in it was ever seen on a network.

Inside is 203.0.113.0/24 and 198.18.0.0/18; ``hosts`` says what stands for the outside.  The same
scale and seed give the same records, on every platform and in chunks of any size.  See
docs/sample-network.md.
"""

from __future__ import annotations

from flowrules.flows.sample.assemble import SEED, sample_chunks, sample_source
from flowrules.flows.sample.site import SAMPLE_NETWORK, SampleNetwork, write_sample

__all__ = ["SAMPLE_NETWORK", "SEED", "SampleNetwork", "sample_chunks", "sample_source", "write_sample"]
