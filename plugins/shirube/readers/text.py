"""Files as UTF-8 text: compression, encoding and line ends are settled here and nowhere else.

The encoding is decided on the whole file before a row is read: a byte order mark decides; else the first of
the contract's candidates that decodes every line; else the candidate with the fewest bad lines. Up to
three bad lines, or 5 % of all lines if that is more, are refused as rows (`undecodable`); beyond that, or
when no data line decodes, or when the whole file decodes as another known encoding, the file is refused
(`wrong_encoding`).
"""

from __future__ import annotations

import codecs
import gzip
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Final

from shirube.readers.batch import FileRejected

CHUNK_BYTES: Final = 4 << 20
LONGEST_LINE: Final = 64 << 20
BAD_LINES_ALLOWED: Final = 3
BAD_SHARE_ALLOWED: Final = 0.05
_KNOWN: Final = ("utf-8", "cp932", "euc_jp")
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ZIP: Final = b"PK\x03\x04"
_FOREIGN: Final = (
    (_ZIP, "ZIP または Excel（.xlsx）", "a ZIP or Excel file"),
    (b"\xd0\xcf\x11\xe0", "古い形の Excel（.xls）など", "an old Office file"),
    (b"%PDF", "PDF", "a PDF"),
    (b"\x89PNG", "画像", "a picture"),
    (b"\xff\xd8\xff", "画像", "a picture"),
    (b"PAR1", "Parquet", "a Parquet file"),
    (b"7z\xbc\xaf", "圧縮ファイル", "an archive"),
    (b"{\\rtf", "リッチテキスト", "rich text"),
)
REPLACE_ONE_BYTE: Final = "shirube-replace-one-byte"


def _replace_one_byte(error: UnicodeError) -> tuple[str, int]:
    """Decode on at the very next byte, so that a bad byte never swallows a quote or delimiter after it."""
    assert isinstance(error, UnicodeDecodeError)
    return "\ufffd", error.start + 1


codecs.register_error(REPLACE_ONE_BYTE, _replace_one_byte)


@dataclass
class TextFile:
    """A readable text file. `bad_lines` are physical line numbers that did not decode, known once passed.

    `is_clean` says that every line is known to decode, so that UTF-8 need not be checked again.
    """

    path: Path
    encoding: str
    mark_bytes: int
    cr_only: bool
    is_clean: bool = False
    bad_lines: set[int] = field(default_factory=set)

    def chunks(self) -> Iterator[bytes]:
        """The text as UTF-8 in pieces that end with a line, except perhaps the last; line ends LF or CRLF."""
        return (
            self._wide_chunks() if self.encoding.startswith(("utf-16", "utf-32")) else self._narrow_chunks()
        )

    def raw_chunks(self) -> Iterator[bytes]:
        """The bytes as they are, in pieces that end with a line, except perhaps the last.

        For records whose positions are counted in bytes: in another encoding they would be elsewhere.
        """
        return _line_chunks(self.path, self.mark_bytes, b"\n")

    def head(self, most_bytes: int = 1 << 20) -> str:
        """The first lines as text, at least one if there is one."""
        taken = bytearray()
        for chunk in self.chunks():
            taken += chunk
            if len(taken) >= most_bytes:
                break
        return bytes(taken).decode("utf-8")

    def _narrow_chunks(self) -> Iterator[bytes]:
        line = 1
        for chunk in _line_chunks(self.path, self.mark_bytes, b"\r" if self.cr_only else b"\n"):
            if self.cr_only:
                chunk = chunk.replace(b"\r", b"\n")
            try:
                if not (self.encoding == "utf-8" and self.is_clean):
                    chunk = chunk.decode(self.encoding).encode("utf-8")
                yield chunk
            except UnicodeDecodeError:
                yield self._mend(chunk, line)
            line += chunk.count(b"\n")

    def _mend(self, chunk: bytes, first_line: int) -> bytes:
        pieces = []
        for offset, raw in enumerate(_split_lf(chunk)):
            try:
                text = raw.decode(self.encoding)
            except UnicodeDecodeError:
                text = raw.decode(self.encoding, errors=REPLACE_ONE_BYTE)
                self.bad_lines.add(first_line + offset)
            pieces.append(text.encode("utf-8"))
        return b"".join(pieces)

    def _wide_chunks(self) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(self.encoding)()
        rest = ""
        line = 1
        try:
            for chunk in _raw_chunks(self.path, self.mark_bytes):
                text = rest + decoder.decode(chunk)
                text = text.replace("\r", "\n") if self.cr_only else text
                cut = text.rfind("\n") + 1
                rest = text[cut:]
                _not_too_long(len(rest))
                if cut:
                    yield text[:cut].encode("utf-8")
                line += text.count("\n", 0, cut)
        except UnicodeError as error:
            raise FileRejected(
                "wrong_encoding",
                f"文字コード {self.encoding} として最後まで読めません",
                f"the file cannot be read to its end as {self.encoding}",
                "送り手に再送を頼んでください。",
            ) from error
        if decoder.getstate()[0]:
            rest += "\ufffd"  # the file ends inside a character
            self.bad_lines.add(line)
        if rest:
            yield rest.encode("utf-8")


def open_text(path: Path, encodings: tuple[str, ...], file_format: str) -> TextFile:
    """Decide compression, encoding and line ends of `path`.

    Raises `FileRejected`: empty_file, not_a_<file_format> (binary), truncated_file, wrong_encoding.
    """
    with _open(path) as stream:
        head = _read(stream, 1 << 16)
    if not head:
        raise FileRejected(
            "empty_file", "ファイルが0バイトです", "the file has no bytes", "送り手に再送を頼んでください。"
        )
    encoding, mark_bytes = "", 0
    for mark, marked in _MARKS:
        if head.startswith(mark):
            encoding, mark_bytes = marked, len(mark)
            break
    if not encoding.startswith(("utf-16", "utf-32")):
        _refuse_binary(head, encodings, file_format)
    if len(head) == mark_bytes:
        raise FileRejected(
            "empty_file", "ファイルに中身がありません", "the file is empty", "送り手に再送を頼んでください。"
        )
    unmarked = head[mark_bytes:]
    wide = encoding.startswith(("utf-16", "utf-32"))
    sample = unmarked.decode(encoding, errors="ignore").encode("utf-8") if wide else unmarked
    cr_only = b"\r" in sample[:-1] and b"\n" not in sample
    if wide:
        return TextFile(path, encoding, mark_bytes, cr_only)
    newline = b"\r" if cr_only else b"\n"
    if not encoding:
        encoding = _choose(path, encodings, newline)
    is_clean = not _bad_lines(path, encoding, mark_bytes, newline, stop_at_first=True)[0]
    if not is_clean:
        _judge(path, encoding, mark_bytes, newline)
    return TextFile(path, encoding, mark_bytes, cr_only, is_clean)


def wrong_encoding(expected: str, actual: str | None) -> FileRejected:
    """The refusal of a file in another encoding, naming it if it is known."""
    named_ja = f"（{actual} のようです）" if actual else ""
    named_en = f" (it looks like {actual})" if actual else ""
    return FileRejected(
        "wrong_encoding",
        f"文字コードが {expected} ではありません{named_ja}",
        f"the file is not in {expected}{named_en}",
        f"送り手に {expected} での再送を頼むか、今後もこの文字コードで届くなら、"
        "契約ファイルの encodings に足して replay してください。",
    )


def decodable_as(data: bytes) -> list[str]:
    """Known Japanese encodings that decode `data` strictly."""
    found = []
    for encoding in (*_KNOWN, "utf-16-le", "utf-16-be", "iso2022_jp"):
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        found.append(encoding)
    return found


def raw_head(path: Path) -> bytes:
    """The first line's bytes, uncompressed and undecoded, without a byte order mark."""
    with _open(path) as stream:
        head = _read(stream, 1 << 16)
    for mark, _ in _MARKS:
        head = head.removeprefix(mark)
    return head.splitlines()[0] if head else b""


def _choose(path: Path, encodings: tuple[str, ...], newline: bytes) -> str:
    """The candidate that fits best, without judging whether it fits well enough."""
    candidates = [
        "utf-8" if name == "utf-8-sig" else name for name in encodings if not name.startswith("utf-16")
    ]
    if not candidates:
        raise wrong_encoding("utf-16", None)
    if "utf-8" not in candidates:
        bad, _, has_japanese = _bad_lines(path, "utf-8", 0, newline, stop_at_first=True)
        if has_japanese and not bad:
            raise wrong_encoding("、".join(encodings), "utf-8")
    if len(candidates) == 1:
        return candidates[0]
    for encoding in candidates:
        if not _bad_lines(path, encoding, 0, newline, stop_at_first=True)[0]:
            return encoding
    return min(candidates, key=lambda encoding: _bad_lines(path, encoding, 0, newline)[0])


def _judge(path: Path, encoding: str, mark_bytes: int, newline: bytes) -> None:
    """Raise `wrong_encoding` unless so few lines are bad that they can be refused one by one."""
    bad, total, _ = _bad_lines(path, encoding, mark_bytes, newline)
    others = [name for name in _KNOWN if name != encoding]
    fitting = [
        name for name in others if not _bad_lines(path, name, mark_bytes, newline, stop_at_first=True)[0]
    ]
    if bad > max(BAD_LINES_ALLOWED, BAD_SHARE_ALLOWED * total) or bad >= total - 1 or (fitting and bad > 1):
        raise wrong_encoding(encoding, fitting[0] if fitting else None)


def _bad_lines(
    path: Path, encoding: str, mark_bytes: int, newline: bytes, *, stop_at_first: bool = False
) -> tuple[int, int, bool]:
    """Lines that do not decode, lines in all, and whether a good chunk held more than ASCII."""
    bad = total = 0
    has_japanese = False
    for chunk in _line_chunks(path, mark_bytes, newline):
        lines = chunk.count(newline) + (not chunk.endswith(newline))
        total += lines
        try:
            chunk.decode(encoding)
            has_japanese = has_japanese or not chunk.isascii()
        except UnicodeDecodeError:
            if stop_at_first:
                return 1, total, has_japanese
            for line in chunk.split(newline):
                try:
                    line.decode(encoding)
                except UnicodeDecodeError:
                    bad += 1
    return bad, total, has_japanese


def _reads_as(head: bytes, encoding: str) -> bool:
    """Whether bytes are plausible text in a two-byte encoding: printable, with line ends and no NUL."""
    text = head[: len(head) // 2 * 2].decode(encoding, errors="replace")
    odd = sum(
        1 for letter in text if letter == "\ufffd" or not (letter.isprintable() or letter in "\t\r\n\u3000")
    )
    return "\n" in text and odd <= 1


def _refuse_binary(head: bytes, encodings: tuple[str, ...], file_format: str) -> None:
    for magic, ja, en in _FOREIGN:
        if head.startswith(magic):
            raise not_a(file_format, ja, en)
    if b"\0" in head:
        for encoding in ("utf-16-le", "utf-16-be"):
            if _reads_as(head, encoding):
                raise wrong_encoding("、".join(encodings), f"{encoding} (BOM なし)")
        raise not_a(file_format, "文字ではないデータ", "binary data")


def not_a(file_format: str, is_ja: str, is_en: str) -> FileRejected:
    """The refusal of a file that is something else than the contract says."""
    return FileRejected(
        f"not_a_{file_format}",
        f"契約の形式（{file_format}）のファイルではありません。中身は{is_ja}です",
        f"the file is not {file_format}; it holds {is_en}",
        "置き場所のフォルダが正しいか確かめてください。圧縮されているときは、展開してから置いてください。",
    )


def _open(path: Path) -> BufferedIOBase | IO[bytes]:
    with path.open("rb") as stream:
        start = stream.read(4)
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(path, "rb")
    return (start == _ZIP and _only_member(path)) or path.open("rb")


def _only_member(path: Path) -> IO[bytes] | None:
    """The one file in a ZIP; None where there are several, a password or damage."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            return archive.open(members[0]) if len(members) == 1 else None
    except (zipfile.BadZipFile, RuntimeError, OSError, ValueError):
        return None


def _read(stream: BufferedIOBase | IO[bytes], size: int) -> bytes:
    try:
        return stream.read(size)
    except EOFError as error:
        raise FileRejected(
            "truncated_file",
            "圧縮ファイルが途中で終わっています",
            "the compressed file breaks off before its end",
            "送る途中で切れたようです。全体を再送してもらってください。",
        ) from error
    except (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error) as error:
        raise FileRejected(
            "truncated_file",
            "圧縮ファイルが壊れています",
            "the compressed file is damaged",
            "全体を再送してもらってください。",
        ) from error


def _raw_chunks(path: Path, skip: int) -> Iterator[bytes]:
    with _open(path) as stream:
        _read(stream, skip)
        while chunk := _read(stream, CHUNK_BYTES):
            yield chunk


def _line_chunks(path: Path, skip: int, newline: bytes) -> Iterator[bytes]:
    """Raw chunks cut after a line end; the last one may lack it."""
    rest = b""
    for chunk in _raw_chunks(path, skip):
        cut = chunk.rfind(newline) + 1
        if cut:
            yield rest + chunk[:cut]
            rest = chunk[cut:]
        else:
            rest += chunk
            _not_too_long(len(rest))
    if rest:
        yield rest


def _not_too_long(length: int) -> None:
    if length > LONGEST_LINE:
        raise FileRejected(
            "not_a_delimited",
            "改行のない非常に長い行があり、表として読めません",
            "a line is longer than 64 MiB; this is not a table",
            "ファイルの形式を確かめてください。",
        )


def _split_lf(chunk: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in chunk.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines
