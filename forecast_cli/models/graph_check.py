"""What an ONNX graph may hold, checked byte by byte before ONNX Runtime sees it.

A graph is a protobuf message (https://protobuf.dev/programming-guides/encoding/) with the fields of
onnx.proto3 of ONNX 1.x. Walking it takes a page and a millisecond; importing `onnx` takes a tenth
of a second, which `predict` does not have.

Whatever is not known to be harmless is refused: fields and operators are allowed by name, so that
what a later ONNX adds is refused until somebody has looked at it.
"""

from collections.abc import Iterator
from math import prod
from typing import Final, TypeAlias

_Message: TypeAlias = dict[int, str | None]
"""Fields by number: the message one holds, or None where it is not looked into."""


def _fields(*unread: int, **messages: int | tuple[int, ...]) -> _Message:
    """A message's fields: numbers that are not looked into, then numbers by what they hold."""
    read = {
        number: part
        for part, numbers in messages.items()
        for number in (numbers if isinstance(numbers, tuple) else (numbers,))
    }
    return dict.fromkeys(unread) | read


_MESSAGES: Final[dict[str, _Message]] = {
    # unread: versions, producer, texts, metadata
    "model": _fields(1, 2, 3, 4, 5, 6, 14, graph=7, opset=8),
    "opset": _fields(2, domain=1),
    # unread: name, text, inputs, outputs, shapes of values, metadata
    "graph": _fields(2, 10, 11, 12, 13, 16, node=1, tensor=5),
    # unread: inputs, outputs, name, text, metadata
    "node": _fields(1, 2, 3, 6, 9, operator=4, attribute=5, domain=7),
    # unread: name, numbers, texts, type
    "attribute": _fields(1, 2, 3, 4, 7, 8, 9, 13, 20, tensor=(5, 10), graph=(6, 11)),
    # unread: type, numbers in their forms, name, text; sizes and location have checks of their own
    "tensor": _fields(1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 14),
}
_REFUSED: Final = {
    ("model", 20): "it brings instructions for training",
    ("model", 25): "it defines functions of its own",
    ("graph", 15): "it has sparse tensors",
    ("attribute", 22): "it has sparse tensors",
    ("attribute", 23): "it has sparse tensors",
    ("tensor", 13): "it reads tensors from other files (external data)",
}
_DIMS, _DATA_LOCATION = 1, 14

_DOMAINS: Final = ("", "ai.onnx")
_DECLARED_DOMAINS: Final = (*_DOMAINS, "ai.onnx.ml")  # tf2onnx declares it and does not use it
OPERATORS: Final = frozenset(
    """
    Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Concat Constant
    ConstantOfShape Conv Cos CumSum DepthToSpace Div Dropout Einsum Elu Equal Erf Exp Expand Flatten
    Floor GRU Gather GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual
    HardSigmoid HardSwish Identity InstanceNormalization LSTM LayerNormalization LeakyRelu Less
    LessOrEqual Log LogSoftmax Loop MatMul Max MaxPool Mean Min Mish Mul Neg Not Or PRelu Pad Pow
    RNN Range Reciprocal ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare Relu Reshape ReverseSequence Round ScatterND Selu Shape Sigmoid Sign Sin Size
    Slice Softmax Softplus Softsign Split Sqrt Squeeze Sub Sum Tanh Tile TopK Transpose Trilu
    Unsqueeze Where Xor
    """.split()  # noqa: SIM905 - a list of ninety lines says no more
)
"""Arithmetic on tensors: what the six networks use, and what other Keras layers are exported to.

Nothing here draws random numbers, parses texts or decodes images. Of the operators that hold graphs
there is only Loop, to which a plain recurrence is exported; If and Scan are not needed.
"""
_DEEPEST: Final = 3
"""Graphs within graphs; a recurrence has one in another."""
_MOST_FIELDS: Final = 500_000
_MOST_DIMS: Final = 8
_LONGEST_VARINT: Final = 10
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5


def check_graph(content: bytes) -> None:
    """Raise ValueError, with the reason, for a graph that could do more than compute."""
    _Walk().message("model", memoryview(content), depth=0)


class _Walk:
    """A walk over one graph, which counts what it meets."""

    def __init__(self) -> None:
        self._n_fields = 0

    def message(self, kind: str, content: memoryview, depth: int) -> None:
        """Check a message and all that it holds."""
        known = _MESSAGES[kind]
        if kind == "graph" and depth > _DEEPEST:
            raise ValueError(f"it has graphs within graphs, more than {_DEEPEST} levels")
        dims: list[int] = []
        for number, value in self._split(content):
            if number not in known:
                raise ValueError(
                    _REFUSED.get((kind, number), f"it has an unknown field ({kind} {number})")
                )
            if kind == "tensor":
                _check_location(number, value)
                dims += _dims(number, value)
            self._check_part(kind, known[number], value, depth)
        if len(dims) > _MOST_DIMS:
            raise ValueError(f"it has a tensor of {len(dims):,} dimensions")
        # each element takes a byte at least
        if dims and prod(dims) > len(content):
            raise ValueError(f"it declares {prod(dims):,} numbers in {len(content):,} bytes")

    def _check_part(self, kind: str, part: str | None, value: int | memoryview, depth: int) -> None:
        if part is None:
            return
        if isinstance(value, int):
            raise ValueError(f"it is damaged (a number where a {part} belongs)")  # noqa: TRY004 - bytes
        if part == "operator":
            _check_name(value, OPERATORS, "uses the operator {}, which forecasts do not need")
        elif part == "domain":
            allowed = _DECLARED_DOMAINS if kind == "opset" else _DOMAINS
            _check_name(value, allowed, "uses operators of another domain than ONNX's own: {}")
        else:
            self.message(part, value, depth + (part == "graph"))

    def _split(self, content: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        """Number and value of each field; numbers of fixed width are not read."""
        position, end = 0, len(content)
        while position < end:
            self._n_fields += 1
            if self._n_fields > _MOST_FIELDS:
                raise ValueError(f"it has more than {_MOST_FIELDS:,} parts")
            key, position = _varint(content, position)
            wire, value = key & 7, 0
            if wire == _VARINT:
                value, position = _varint(content, position)
            elif wire == _LENGTH:
                value, position = _varint(content, position)
                position += value
            elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
                position += 8 if wire == _EIGHT_BYTES else 4
            else:
                raise ValueError(f"it is damaged (unknown wire type {wire})")
            if position > end:
                raise ValueError("it is cut short")
            yield key >> 3, content[position - value : position] if wire == _LENGTH else value


def _varint(content: memoryview, position: int) -> tuple[int, int]:
    """A number of seven bits per byte, and where it ends."""
    value = 0
    for place, byte in enumerate(content[position : position + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - the bit that says: more to come
            return value, position + place + 1
    raise ValueError("it is cut short")


def _check_location(number: int, value: int | memoryview) -> None:
    if number == _DATA_LOCATION and value != 0:
        raise ValueError(_REFUSED["tensor", 13])


def _dims(number: int, value: int | memoryview) -> list[int]:
    """The sizes that a field of a tensor declares, one by one or packed; a negative one is huge."""
    if number != _DIMS:
        return []
    if isinstance(value, int):
        return [value]
    dims, position = [], 0
    while position < len(value):
        dim, position = _varint(value, position)
        dims.append(dim)
    return dims


def _check_name(value: memoryview, allowed: frozenset[str] | tuple[str, ...], fault: str) -> None:
    name = bytes(value[:40]).decode("ascii", "replace")
    if name not in allowed:
        raise ValueError(f"it {fault.format(ascii(name))}")
