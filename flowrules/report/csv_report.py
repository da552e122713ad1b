"""The network's profile as CSV: one row an entry (RFC 4180, LF line ends)."""

from __future__ import annotations

import csv
import io

from flowrules.profile.findings import NetworkProfile
from flowrules.report.document import entry_cells

COLUMNS = (
    "ruleset",
    "profile",
    "protocol",
    "internal",
    "internal_port",
    "external",
    "external_port",
    "name",
    "comment",
)


def csv_report(profile: NetworkProfile) -> str:
    """The entries of all rulesets asked for, with a title line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    withheld = profile.withheld()
    for found in profile.profiles.values():
        for entry in found.entries:
            if entry.ruleset not in withheld:
                writer.writerow([entry.ruleset, entry.profile.partition(":")[2], *entry_cells(entry)])
    return out.getvalue()
