"""Old-style headers: the same bodies behind headers of file versions 0 to 6, built by the rules of the format."""

from __future__ import annotations

import gzip
import struct

import pytest

from flowrules.flows.errors import FlowFileError
from flowrules.flows.silk_conf import BUILT_IN
from flowrules.flows.silk_header import MAGIC
from flowrules.flows.silk_records import open_silk
from tests.flows.silk_files import SAMPLES, all_samples, dump, old_style, own_samples

HOUR = 1234544400
FILE_NAME = "out-S3_20090213.17"
HOURLY = {
    "FT_RWSPLIT", "FT_RWROUTED", "FT_RWNOTROUTED", "FT_RWWWW", "FT_RWAUGMENTED", "FT_RWAUGROUTING",
    "FT_RWAUGSNMPOUT", "FT_RWAUGWEB",
}  # fmt: skip
COMPRESSED_FROM = {"FT_RWGENERIC": 3, "FT_RWSPLIT": 3, "FT_RWROUTED": 3, "FT_RWNOTROUTED": 3, "FT_RWWWW": 3,
                   "FT_RWFILTER": 4, "FT_FLOWCAP": 1}  # fmt: skip


def before(sample) -> bytes:
    """What an old-style header of the sample's format holds after its first eight bytes."""
    order = ">" if sample["byte_order"] == "big" else "<"
    if sample["format"] in HOURLY:
        return struct.pack(order + "I", HOUR)
    if sample["format"] == "FT_RWFILTER":
        lines = [b"rwfilter\0--proto=6\0", b"rwsort"]
        return struct.pack(order + "I", len(lines)) + b"".join(
            struct.pack(order + "H", len(line)) + line for line in lines
        )
    if sample["format"] == "FT_FLOWCAP":
        return b"S3".ljust(25, b"\0") + b"probe".ljust(25, b"\0")
    return b""


def write_old(tmp_path, folder, sample):
    data = (folder / sample["file"]).read_bytes()
    header = open_silk(folder / sample["file"]).header
    path = tmp_path / FILE_NAME
    path.write_bytes(
        old_style(data, header.length, before(sample), header.record_length, sample["record_version"])
    )
    return path


def expected(folder, sample):
    lines = (folder / sample["expected"]).read_text().splitlines()
    if sample["format"] == "FT_FLOWCAP":
        # the names in its header say nothing about the record's sensor
        lines = [line.replace("|S3|", "|?|") for line in lines]
    return lines


def can_be_old(sample) -> bool:
    if sample["format"] not in HOURLY | {"FT_RWGENERIC", "FT_RWFILTER", "FT_FLOWCAP"}:
        return False
    return sample["compression"] == "none" or sample["record_version"] >= COMPRESSED_FROM.get(
        sample["format"], 2
    )


@pytest.mark.parametrize("sample", [s for s in own_samples() if can_be_old(s)], ids=lambda s: s["file"])
def test_old_header_before_a_sample_of_our_own(tmp_path, sample):
    source = open_silk(write_old(tmp_path, SAMPLES, sample), conf=BUILT_IN)
    assert dump(source) == expected(SAMPLES, sample)


def test_old_header_before_every_sample(tmp_path):
    folder, samples = all_samples()
    tried = 0
    for sample in samples:
        if sample["file"].startswith("A/") and can_be_old(sample):
            source = open_silk(write_old(tmp_path, folder, sample), conf=BUILT_IN)
            assert dump(source) == expected(folder, sample), sample["file"]
            tried += 1
    assert tried > 300


def sample_of(format: str):
    return next(s for s in own_samples() if s["format"] == format and s["compression"] == "none")


def test_the_command_lines_of_rwfilter_are_kept(tmp_path):
    source = open_silk(write_old(tmp_path, SAMPLES, sample_of("FT_RWFILTER")))
    assert source.header.invocations == ("rwfilter --proto=6", "rwsort")


def test_sensor_and_flowtype_come_from_the_file_name_by_silk_conf(tmp_path):
    path = write_old(tmp_path, SAMPLES, sample_of("FT_RWSPLIT"))
    web = path.rename(tmp_path / "iw-S12_20090213.17.gz.part")
    source = open_silk(web, conf=BUILT_IN)
    assert (source.sensor, source.flowtype) == (12, 2)
    other = web.rename(tmp_path / "iw-Nowhere_20090213.17")
    source = open_silk(other, conf=BUILT_IN)
    assert (source.sensor, source.flowtype) == (None, 2)
    assert "sensor" not in source.fields
    unnamed = other.rename(tmp_path / "flows.rw")
    source = open_silk(unnamed, conf=BUILT_IN)
    assert not {"sensor", "type"} & source.fields
    assert all("|?|255|" in line and "|?|0|0|" in line for line in dump(source)[1:])


def test_a_gzip_file_with_an_old_header(tmp_path):
    sample = sample_of("FT_RWAUGMENTED")
    path = write_old(tmp_path, SAMPLES, sample)
    zipped = tmp_path / "out-S3_20090213.17.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    assert dump(open_silk(zipped, conf=BUILT_IN)) == expected(SAMPLES, sample)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (bytes([0, 0x0B, 2, 0]), "FT_RWIPV6 has no version 2 with an old-style header"),
        (bytes([0, 0x12, 9, 0]) + bytes(20), "unknown version 9 of FT_RWSPLIT records"),
        (bytes([0, 0x12, 2, 1]) + bytes(20), "compression method 1 in FT_RWSPLIT version 2"),
        (bytes([0, 0x12, 3, 9]) + bytes(20), "compression method 9 in FT_RWSPLIT version 3"),
        (bytes([0, 0x12, 3, 0]) + bytes(3), "the file ends inside the header"),
        (bytes([0, 0x12, 3, 0]) + bytes(4), "the file ends inside the header"),
        (bytes([0, 0x1C, 3, 0]) + bytes(49), "the file ends inside the header"),
        (bytes([0, 0x13, 3, 0]) + b"\xff\xff\xff\xff\x05\0abc", "the file ends inside a command line"),
        (bytes([0, 0x13, 3, 0]) + b"\xff\xff\xff\x7f" + bytes(50000), "the file ends inside a command line"),
    ],
)
def test_old_headers_that_cannot_be(tmp_path, header, message):
    path = tmp_path / FILE_NAME
    path.write_bytes(MAGIC + header)
    with pytest.raises(FlowFileError, match=message) as caught:
        open_silk(path)
    assert caught.value.offset is not None


def test_flowcap_says_lzo_with_another_number(tmp_path):
    folder, samples = all_samples()
    sample = next(
        s
        for s in samples
        if s["format"] == "FT_FLOWCAP" and s["record_version"] == 5 and s["compression"] == "lzo1x"
    )
    path = write_old(tmp_path, folder, sample)
    data = bytearray(path.read_bytes())
    data[7] = 6
    path.write_bytes(data)
    assert dump(open_silk(path)) == expected(folder, sample)
