"""A MIDI file that plays single notes one after another."""

import struct

PITCHES = range(48, 84)
VELOCITIES = (60, 110)
SECONDS_A_NOTE = 0.75
TICKS = 480  # a quarter note, which takes SECONDS_A_NOTE


def song(programs: list[int]) -> bytes:
    """A MIDI file of format 0: for each program each pitch in each strength, sounding for three quarters of its time.

    programs: numbers of General MIDI, from 0.
    """
    held = 3 * TICKS // 4
    track = b"\x00\xff\x51\x03" + round(SECONDS_A_NOTE * 1e6).to_bytes(3)
    rest = 0
    for program in programs:
        track += length(rest) + bytes([0xC0, program])
        rest = 0
        for pitch in PITCHES:
            for velocity in VELOCITIES:
                track += length(rest) + bytes([0x90, pitch, velocity])
                track += length(held) + bytes([0x80, pitch, 0])
                rest = TICKS - held
    track += length(rest) + b"\xff\x2f\x00"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS) + b"MTrk" + struct.pack(">I", len(track)) + track


def length(value: int) -> bytes:
    """Variable-length quantity, seven bits a byte, the highest bit set in all but the last.

    length(0) = 00, length(200) = 81 48.
    """
    result = [value & 0x7F]
    while value := value >> 7:
        result.append(value & 0x7F | 0x80)
    return bytes(reversed(result))
