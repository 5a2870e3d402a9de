"""What an object file asks of others: the names of its undefined symbols, of ELF, Mach-O and COFF."""

import struct


def undefined(code: bytes) -> set[str]:
    """The names that a linker would have to find elsewhere."""
    if code[:4] == b"\x7fELF":
        return _elf(code)
    if code[:4] == b"\xcf\xfa\xed\xfe":
        return _mach(code)
    return _coff(code)


def _text(code: bytes, at: int) -> str:
    return code[at : code.index(b"\0", at)].decode()


def _elf(code: bytes) -> set[str]:
    (sections_at,) = struct.unpack_from("<Q", code, 0x28)
    size, count = struct.unpack_from("<HH", code, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", code, sections_at + size * k) for k in range(count)]
    names = set()
    for section in sections:
        if section[1] == 2:  # the table of symbols; section[6] is that of their names
            strings = sections[section[6]][4]
            for at in range(section[4] + 24, section[4] + section[5], 24):
                name, _, _, where = struct.unpack_from("<IBBH", code, at)
                if where == 0:
                    names.add(_text(code, strings + name))
    return names - {"_GLOBAL_OFFSET_TABLE_"}  # which the linker itself makes


def _mach(code: bytes) -> set[str]:
    (commands,) = struct.unpack_from("<I", code, 16)
    at, names = 32, set()
    for _ in range(commands):
        command, size = struct.unpack_from("<II", code, at)
        if command == 2:  # LC_SYMTAB
            symbols, count, strings, _ = struct.unpack_from("<IIII", code, at + 8)
            for k in range(count):
                name, kind, where, _, _ = struct.unpack_from("<IBBHQ", code, symbols + 16 * k)
                if kind & 0x0E == 0 and where == 0:
                    names.add(_text(code, strings + name))
        at += size
    return names


def _coff(code: bytes) -> set[str]:
    symbols, count = struct.unpack_from("<II", code, 8)
    strings, names, k = symbols + 18 * count, set(), 0
    while k < count:
        at = symbols + 18 * k
        where, kind, more = struct.unpack_from("<hxxBB", code, at + 12)
        if where == 0 and kind == 2:
            zero, place = struct.unpack_from("<II", code, at)
            names.add(code[at : at + 8].rstrip(b"\0").decode() if zero else _text(code, strings + place))
        k += 1 + more
    return names
