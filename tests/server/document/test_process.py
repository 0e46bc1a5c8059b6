"""The process that reads documents: it gives text, and whatever happens to it happens to nobody else."""

import os
import threading
import time
from pathlib import Path

import pytest

from server.document.kind import Kind
from server.document.limits import APART
from server.document.process import Closed, DocumentProcess
from tests.fakes.documents import docx, pdf


@pytest.fixture
def process():
    made = DocumentProcess()
    yield made
    made.close()


def pid(process):
    assert process._process is not None
    return process._process.pid


def test_nothing_runs_before_the_first_document(process):
    assert not process.is_running


def test_pdf_and_office_by_one_process(process):
    assert process.read(Kind.PDF, pdf("one", "二"), 1000).text == "one\n二"
    first = pid(process)
    assert process.read(Kind.WORD, docx("word"), 1000).text.startswith("word")
    assert pid(process) == first


def test_it_has_no_more_than_it_needs(process):
    process.read(Kind.PDF, pdf("one"), 1000)
    limits = Path(f"/proc/{pid(process)}/limits").read_text()
    assert f"{512 << 20}" in limits
    environment = Path(f"/proc/{pid(process)}/environ").read_text()
    assert "HOME=" not in environment and "POSTHOUSE" not in environment
    assert os.getpriority(os.PRIO_PROCESS, pid(process)) > 0


@pytest.mark.parametrize("way", ["hang", "die", "flood"])
def test_one_that_does_not_answer_as_it_should_is_ended_and_what_it_read_is_kept(way):
    process = DocumentProcess(seconds=3, module="tests.fakes.document_worker")
    try:
        assert process.read(Kind.PDF, b"well", 1000).finished
        reading = process.read(Kind.PDF, way.encode(), 1000)
        assert (reading.text, reading.finished) == ("so far", False)
        assert not process.is_running
        assert process.read(Kind.PDF, b"well", 1000).finished
    finally:
        process.close()


def test_a_process_killed_from_outside_is_replaced(process):
    process.read(Kind.PDF, pdf("one"), 1000)
    process._process.kill()
    process._process.wait()
    assert process.read(Kind.PDF, pdf("two"), 1000).text == "two"


def test_more_text_than_asked_for_is_not_waited_for(process):
    reading = process.read(Kind.PDF, pdf(*["page of text"] * 50), 30)
    assert reading.finished
    assert len(reading.text) == 30


def test_the_same_document_again_is_not_read_again(process):
    made = pdf("one")
    assert process.read(Kind.PDF, made, 1000).text == "one"
    process._process.kill()
    assert process.read(Kind.PDF, made, 1000).text == "one"
    assert process._read == 1


def test_too_large_a_document_never_goes_over(process):
    assert process.read(Kind.PDF, b"%PDF" + bytes(APART.octets), 10).text == ""
    assert not process.is_running


def test_idle_it_is_ended(process, monkeypatch):
    process.read(Kind.PDF, pdf("one"), 1000)
    process.rest()
    assert process.is_running
    monkeypatch.setattr("server.document.process.IDLE", -1.0)
    process.rest()
    assert not process.is_running


def test_closing_does_not_wait_for_a_document():
    process = DocumentProcess(module="tests.fakes.document_worker")
    raised = threading.Event()

    def read():
        try:
            process.read(Kind.PDF, b"hang", 1000)
        except Closed:
            raised.set()

    thread = threading.Thread(target=read)
    thread.start()
    while not process.is_running:
        time.sleep(0.01)
    process.close()
    thread.join(30)
    assert raised.is_set()
    with pytest.raises(Closed):
        process.read(Kind.PDF, b"", 1)
