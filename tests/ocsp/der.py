"""A DER writer that can also write what is not DER, and a reader just good enough for requests."""


def length(n):
    if n < 0x80:
        return bytes([n])
    octets = n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def tlv(tag, *parts):
    content = b"".join(parts)
    return bytes([tag]) + length(len(content)) + content


def seq(*parts):
    return tlv(0x30, *parts)


def octets(content):
    return tlv(0x04, content)


def integer(value):
    return tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def enum(value):
    return tlv(0x0A, bytes([value]))


def null():
    return tlv(0x05)


def oid(dotted):
    first, second, *rest = [int(n) for n in dotted.split(".")]
    out = []
    for number in [first * 40 + second] + rest:
        group = [number & 0x7F]
        while number > 0x7F:
            number >>= 7
            group.insert(0, 0x80 | (number & 0x7F))
        out += group
    return tlv(0x06, bytes(out))


def explicit(n, *parts):
    return tlv(0xA0 | n, *parts)


def gtime(text):
    return tlv(0x18, text.encode())


def bits(content, unused=0):
    return tlv(0x03, bytes([unused]), content)


def read(data, at=0):
    """(tag, content, whole, next) of the element at an offset."""
    tag, size, head = data[at], data[at + 1], 2
    if size & 0x80:
        n = size & 0x7F
        size, head = int.from_bytes(data[at + 2:at + 2 + n], "big"), 2 + n
    end = at + head + size
    return tag, data[at + head:end], data[at:end], end


def children(content):
    at, out = 0, []
    while at < len(content):
        tag, inner, whole, at = read(content, at)
        out.append((tag, inner, whole))
    return out
