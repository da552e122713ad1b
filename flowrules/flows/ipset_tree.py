"""The radix tree of IPset record version 3: its nodes, made from its leaves.

A node stands for a block whose prefix length is a multiple of four and has sixteen children, one for
each value of the next four bits: 0 (nothing), another node, or a leaf.  A leaf that covers several of
the sixteen is entered for each of them, and all but the first are marked as repeated.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import field, frozen

STEP = 4
CHILDREN = 1 << STEP


@frozen
class Node:
    """One node: the block that it stands for, and its children.

    ``first`` and ``length`` are the block (in the family's own bits, 32 or 128); ``children`` are
    sixteen indices of nodes or leaves, ``leaves`` and ``repeated`` bitmaps over them.
    """

    first: int
    length: int
    children: tuple[int, ...] = field(repr=False)
    leaves: int
    repeated: int


def build_tree(leaves: Sequence[tuple[int, int]], bits: int) -> list[Node]:
    """The nodes over sorted, disjoint blocks (first address, length); the root is node 1.

    Leaf indices and node indices in the result count from 1, as in the file, whose leaf 0 and node 0 are
    unused.  One leaf alone needs no node.
    """
    if len(leaves) < 2:
        return []
    nodes: list[Node | None] = [None]
    waiting = [(0, 0, len(leaves))]
    while waiting:
        place, begin, end = waiting.pop()
        first = leaves[begin][0]
        differing = (first ^ leaves[end - 1][0]).bit_length()
        length = (bits - differing) // STEP * STEP
        children, leaf_map, repeat_map = [0] * CHILDREN, 0, 0
        shift = bits - length - STEP
        at = begin
        while at < end:
            child = leaves[at][0] >> shift & CHILDREN - 1
            stop = at + 1
            while stop < end and leaves[stop][0] >> shift & CHILDREN - 1 == child:
                stop += 1
            if stop - at > 1:
                children[child] = len(nodes) + 1
                waiting.append((len(nodes), at, stop))
                nodes.append(None)
            else:
                # a leaf shorter than the next step fills several places
                for copy in range(1 << max(0, length + STEP - leaves[at][1])):
                    children[child + copy] = at + 1
                    leaf_map |= 1 << child + copy
                    repeat_map |= bool(copy) << child + copy
            at = stop
        base = first >> (bits - length) << (bits - length)
        nodes[place] = Node(base, length, tuple(children), leaf_map, repeat_map)
    return [node for node in nodes if node is not None]
