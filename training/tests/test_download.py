"""Downloads against a local server: resume after a cut, changed files, wrong checksums."""

import hashlib
import io
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from diarist_training import cli
from diarist_training.download.command import unpack
from diarist_training.download.transfer import TransferError, fetch, listed_checksum, parse_checksum

CONTENT = bytes(range(256)) * 4096  # 1 MiB


class Server:
    """Serves ``files`` with byte ranges; ``cut`` ends that many responses half way."""

    def __init__(self):
        self.files, self.cut, self.requests, self.ranges = {}, 0, [], True
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):  # noqa: N802, the name http.server calls
                server.answer(self)

            def log_message(self, *args):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, handler):
        wanted = handler.headers.get("Range")
        self.requests.append(wanted)
        body = self.files.get(handler.path)
        if body is None:
            handler.send_error(404)
            return
        tag, first = f'"{hashlib.md5(body).hexdigest()}"', 0
        if wanted and self.ranges and handler.headers.get("If-Range") == tag:
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
            if first >= len(body):
                handler.send_error(416)
                return
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        else:
            handler.send_response(200)
        rest = body[first:]
        handler.send_header("Content-Length", str(len(rest)))
        handler.send_header("ETag", tag)
        handler.end_headers()
        if self.cut > 0:
            self.cut -= 1
            handler.wfile.write(rest[: len(rest) // 2])
            handler.close_connection = True
        else:
            handler.wfile.write(rest)


@pytest.fixture
def server():
    running = Server()
    running.files["/a.bin"] = CONTENT
    yield running
    running.http.shutdown()
    running.http.server_close()


SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_plain_download_and_second_call(server, tmp_path):
    target = tmp_path / "a.bin"
    assert fetch(f"{server.url}/a.bin", target, f"sha256:{SHA256}") == SHA256
    assert target.read_bytes() == CONTENT and list(tmp_path.iterdir()) == [target]
    assert fetch(f"{server.url}/a.bin", target, f"sha256:{SHA256}") == SHA256
    assert len(server.requests) == 1


def test_resumes_after_a_cut_from_where_it_stopped(server, tmp_path):
    server.cut = 2
    fetch(f"{server.url}/a.bin", tmp_path / "a.bin", f"md5:{hashlib.md5(CONTENT).hexdigest()}", pause_seconds=0)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert server.requests == [None, "bytes=524288-", "bytes=786432-"]


def test_resumes_in_a_later_call(server, tmp_path):
    server.cut = 1
    with pytest.raises(TransferError, match="gave up after 1 attempts.*byte 524288 of 1048576"):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin", attempts=1)
    assert not (tmp_path / "a.bin").exists()
    fetch(f"{server.url}/a.bin", tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT and server.requests[-1] == "bytes=524288-"


def test_a_file_that_changed_meanwhile_starts_over(server, tmp_path):
    server.cut = 1
    with pytest.raises(TransferError):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin", attempts=1)
    server.files["/a.bin"] = CONTENT[::-1]
    fetch(f"{server.url}/a.bin", tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT[::-1]


def test_a_server_without_ranges_starts_over(server, tmp_path):
    server.cut, server.ranges = 1, False
    fetch(f"{server.url}/a.bin", tmp_path / "a.bin", f"sha256:{SHA256}", pause_seconds=0)
    assert (tmp_path / "a.bin").read_bytes() == CONTENT


def test_wrong_checksum_removes_the_file(server, tmp_path):
    wrong = "0" * 64
    with pytest.raises(TransferError, match=f"sha256 must be {wrong}, is {SHA256}"):
        fetch(f"{server.url}/a.bin", tmp_path / "a.bin", f"sha256:{wrong}")
    assert not list(tmp_path.iterdir())
    assert fetch(f"{server.url}/a.bin", tmp_path / "a.bin", f"sha256:{SHA256}") == SHA256


def test_missing_file_is_not_retried(server, tmp_path):
    with pytest.raises(TransferError, match="HTTP 404"):
        fetch(f"{server.url}/none", tmp_path / "none")
    assert len(server.requests) == 1


def test_checksums_are_parsed_strictly(server):
    server.files["/md5sum.txt"] = b"abc  other.tar.gz\n" + b"0" * 32 + b" *dir/a.tar.gz\n"
    assert listed_checksum(f"{server.url}/md5sum.txt", "a.tar.gz") == "md5:" + "0" * 32
    with pytest.raises(TransferError, match="no checksum for b.tar.gz"):
        listed_checksum(f"{server.url}/md5sum.txt", "b.tar.gz")
    with pytest.raises(ValueError, match="crc32"):
        parse_checksum("crc32:00")
    with pytest.raises(ValueError, match="64 hexadecimal"):
        parse_checksum("sha256:12")


def archive_of(members):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as handle:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            handle.addfile(info, io.BytesIO(content))
    return packed.getvalue()


def test_command_checks_against_the_publishers_list_and_unpacks(server, tmp_path, capsys):
    archive = archive_of({"LibriSpeech/README.TXT": b"hello"})
    server.files["/dev-clean.tar.gz"] = archive
    server.files["/md5sum.txt"] = hashlib.md5(archive).hexdigest().encode() + b"  dev-clean.tar.gz\n"
    command = ["download", "librispeech", "--part", "dev-clean", "--base-url", server.url,
               "--output", str(tmp_path), "--unpack"]
    assert cli.main(command) == 0
    assert "matches md5:" in capsys.readouterr().out
    assert (tmp_path / "librispeech" / "LibriSpeech" / "README.TXT").read_bytes() == b"hello"
    server.files["/md5sum.txt"] = b"0" * 32 + b"  dev-clean.tar.gz\n"
    assert cli.main(command) == 1
    assert "md5 must be 0000" in capsys.readouterr().err


def test_command_says_what_it_cannot_do(server, tmp_path, capsys):
    assert cli.main(["download", "voxceleb"]) == 2
    assert "registered users" in capsys.readouterr().err
    assert cli.main(["download", "librispeech", "--part", "all"]) == 2
    assert "train-clean-100" in capsys.readouterr().err
    server.files["/speechocean762.tar.gz"] = archive_of({"a": b"b"})
    assert cli.main(["download", "speechocean762", "--base-url", server.url, "--output", str(tmp_path)]) == 0
    assert "UNCHECKED" in capsys.readouterr().out


def test_members_that_leave_the_folder_are_refused(tmp_path):
    (tmp_path / "bad.tar.gz").write_bytes(archive_of({"../outside": b"x"}))
    (tmp_path / "inner").mkdir()
    with pytest.raises(tarfile.OutsideDestinationError):
        unpack(tmp_path / "bad.tar.gz", tmp_path / "inner")
    assert not (tmp_path / "outside").exists()
