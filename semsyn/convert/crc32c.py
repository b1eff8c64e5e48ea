"""CRC-32C of large contents, in NumPy: many pieces at once, then put together."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected
LANES = 4096
MASK = 0xA282EAD8

Words = NDArray[np.uint32]


def masked_crc32c(content: bytes | memoryview) -> int:
    """The checksum that LevelDB and TensorFlow store: CRC-32C, rotated by 15 bits, plus a constant."""
    crc = crc32c(content)
    return ((crc >> 15 | crc << 17) + MASK) & 0xFFFFFFFF


def crc32c(content: bytes | memoryview) -> int:
    """CRC-32C: of nothing 0, of ``123456789`` 0xE3069283."""
    data = np.frombuffer(content, np.uint8)
    lanes = LANES if len(data) >= 16 * LANES else 1
    length = len(data) // lanes
    whole = data[: lanes * length].reshape(lanes, length)
    registers = np.zeros(lanes, np.uint32)
    registers[0] = 0xFFFFFFFF
    table = _table()
    for column in np.ascontiguousarray(whole.T):
        registers = table[(registers ^ column) & 0xFF] ^ (registers >> np.uint32(8))
    while len(registers) > 1:  # a register moves on over as many bytes as its neighbour read, and takes that in
        registers = _apply(_zeros(length), registers[::2]) ^ registers[1::2]
        length *= 2
    register = int(registers[0])
    for byte in data[lanes * (len(data) // lanes) :].tolist():
        register = int(table[(register ^ byte) & 0xFF]) ^ (register >> 8)
    return register ^ 0xFFFFFFFF


@cache
def _table() -> Words:
    """What a register becomes when it is moved on by the byte that is its index."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> np.uint32(1)) ^ np.where(table & 1, np.uint32(POLYNOMIAL), np.uint32(0))
    return table


def _zeros(count: int) -> Words:
    """What each bit of a register becomes when it is moved on over so many zero bytes."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    moved, step = bits, _table()[bits & 0xFF] ^ (bits >> np.uint32(8))
    while count:
        if count & 1:
            moved = _apply(step, moved)
        step = _apply(step, step)
        count >>= 1
    return moved


def _apply(columns: Words, registers: Words) -> Words:
    """A linear map of registers, given by what it makes of each bit."""
    result = np.zeros_like(registers)
    for bit, column in enumerate(columns.tolist()):
        result ^= np.where(registers >> np.uint32(bit) & 1, np.uint32(column), np.uint32(0))
    return result
