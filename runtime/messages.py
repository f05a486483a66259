"""What kernels say while they run: lines of tl.device_print, and tl.device_assert as an exception.

A kernel with such sites writes records to a buffer (lowering/record.py); its launch waits for the result and
delivers them. Kernels without are not touched by any of this.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from ..fusion.errors import DeviceAssert
from ..lowering.record import MESSAGE_WORDS, MOST_MESSAGES, Kernel, Site

WORDS = 1 + MESSAGE_WORDS * MOST_MESSAGES


def deliver(kernel: Kernel, words: Sequence[int]) -> None:
    """Print what was said, programs in order; then raise DeviceAssert if an assert failed.

    `words`: the buffer after the launch, as WORDS unsigned 32-bit numbers.
    """
    failed: list[tuple[Site, str]] = []
    for x, y, z, element, number, low, high in sorted(_records(words), key=_program):
        site = kernel.sites[number]
        if site.kind == "assert":
            failed.append((site, _where(site, (x, y, z), element)))
        else:
            print(line(site, (x, y, z), element, _number(site, low, high)))
    lost = words[0] - MOST_MESSAGES
    if lost > 0:
        print(f"... and {lost} more messages of {kernel.name}")
    if failed:
        raise _failure(kernel, failed)


def _failure(kernel: Kernel, failed: Sequence[tuple[Site, str]]) -> DeviceAssert:
    site, where = failed[0]
    more = f", and {len(failed) - 1} more times" if len(failed) > 1 else ""
    return DeviceAssert(
        f"device_assert in {kernel.name}: {site.text or 'the condition is false'}",
        why=f"at {site.where}, {where}{more}",
        hint="what the kernel wrote before may be in arrays that are changed in place",
    )


def _records(words: Sequence[int]) -> Iterator[tuple[int, int, int, int, int, int, int]]:
    """(x, y, z, element, site, low, high) in the order in which they were written."""
    for k in range(min(words[0], MOST_MESSAGES)):
        site, x, y, z, element, low, high = words[1 + MESSAGE_WORDS * k :][:MESSAGE_WORDS]
        yield int(x), int(y), int(z), int(element), int(site), int(low), int(high)


def _program(record: tuple[int, ...]) -> tuple[int, ...]:
    return record[2], record[1], record[0]


def line(site: Site, program: tuple[int, int, int], element: int, value: float) -> str:
    """What a print says of one element; `value` counts only if the site has one."""
    return f"{_where(site, program, element)}{site.text}{_shown(site, value)}"


def _where(site: Site, program: tuple[int, int, int], element: int) -> str:
    places = []
    for size in reversed(site.shape):
        places.append(f"{element % size:>{len(str(size - 1))}}")
        element //= size
    index = f" idx ({', '.join(reversed(places))})" if site.shape else ""
    x, y, z = program
    return f"pid ({x}, {y}, {z}){index}"


def _number(site: Site, low: int, high: int) -> float:
    """The value in the two words of a record: a float, or an integer without sign."""
    bits = high << 32 | low
    if not site.element or site.element.startswith("i"):
        return bits
    form, size = ("<d", 8) if site.element == "f64" else ("<f", 4)
    found: float = struct.unpack(form, struct.pack("<Q", bits)[:size])[0]
    return found


def _hexadecimal(value: float) -> str:
    """As C's %a, which Triton prints floats with: a mantissa without trailing zeros, a power of two."""
    mantissa, power, exponent = float(value).hex().partition("p")
    if not power:
        return mantissa  # nan, inf
    whole, _, rest = mantissa.partition(".")
    rest = rest.rstrip("0")
    return f"{whole}{'.' if rest else ''}{rest}p{exponent}"


def _shown(site: Site, value: float) -> str:
    if not site.element:
        return ""
    if not site.element.startswith("i"):
        return _hexadecimal(value) if site.hexadecimal else f"{value:f}"
    width = int(site.element[1:])
    number = int(value) & ((1 << width) - 1)
    if site.hexadecimal:
        return f"0x{number:0{max(1, width // 4)}x}"
    negative = site.signed and width > 1 and number >> (width - 1)
    return str(number - (1 << width) if negative else number)
