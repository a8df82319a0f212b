#!/usr/bin/env python3
"""vigil top shows a running pipeline in a real terminal, hears keys, and comes back when the pipeline does."""
import contextlib
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import xml.dom.minidom

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from feeder import Feeder
from http_client import TOKEN, settings
from live import Live, until
from vigil import check

TOPIC = "vitals.raw"
RATE = 200


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Terminal:
    """`vigil top` in a tmux of its own."""

    def __init__(self, pipeline, width, height):
        if not shutil.which("tmux"):
            vigil.skip("tmux is not installed")
        self.folder = tempfile.mkdtemp(prefix="vigil-tmux-")
        self.ended = pathlib.Path(self.folder, "exit")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                  f"'{vigil.VIGIL}' top '{pipeline.path}' 2>/dev/null; echo $? >'{self.ended}'")

    def tmux(self, *arguments):
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        environment.pop("TMUX", None)
        return subprocess.run(["tmux", "-S", f"{self.folder}/socket", *arguments], text=True,
                              capture_output=True, timeout=30, env=environment).stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
        shutil.rmtree(self.folder, ignore_errors=True)

    def lines(self):
        return self.tmux("capture-pane", "-p").splitlines()

    def key(self, *names):
        self.tmux("send-keys", *names)

    def shows(self, *texts, without=()):
        """Waits until all texts are on the screen and none of the others."""
        def condition():
            screen = "\n".join(self.lines())
            return all(t in screen for t in texts) and not any(t in screen for t in without)
        try:
            until(f"the screen shows {texts}", condition, 20)
        except vigil.Failed as why:
            raise vigil.Failed(f"{why}:\n" + "\n".join(self.lines())) from None


@contextlib.contextmanager
def pipeline_of(broker, **more):
    http = settings(f"127.0.0.1:{free_port()}", token=TOKEN, **more)
    with vigil.Pipeline(vigil.sedation_config(broker.bootstrap, http=http)) as p:
        yield p


def graph(pipeline, *more, expect=0):
    done = subprocess.run([vigil.VIGIL, "graph", pipeline.path, "--live", *more],
                          capture_output=True, text=True, timeout=60)
    check(done.returncode == expect, f"exit {done.returncode}: {done.stderr}")
    return done


def check_graph(pipeline):
    text = graph(pipeline).stdout
    check(re.search(r"-->\|\d\S*/s\| stage0\b", text), text)
    check("2 partitions, lag " in text and " dead letters" in text, text)
    check("does not run" not in text and ":::bad" not in text, text)
    picture = xml.dom.minidom.parseString(graph(pipeline, "--format", "svg").stdout)
    words = " ".join(t.firstChild.data for t in picture.getElementsByTagName("text") if t.firstChild)
    check("busy " in words and "/s" in words and "delivered" in words, words)


def once_is_a_screen_as_text_and_agrees_with_the_state():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, pipeline_of(broker) as p:
        def top(*more, expect=0):
            done = subprocess.run([vigil.VIGIL, "top", p.path, "--once", *more],
                                  capture_output=True, text=True, timeout=60)
            check(done.returncode == expect, f"exit {done.returncode}: {done.stderr}")
            return done

        check("does not answer" in top(expect=69).stderr, "nobody is there")
        check("does not answer" in graph(p, expect=69).stderr, "nobody is there, for a graph")
        with Live(p) as run, Feeder(broker.bootstrap, TOPIC, RATE, beds=True):
            def rates():
                text = top().stdout
                return text if "of 10 s): " in text and "- rows" not in text and \
                    "of 10 s): 0.0" not in text else None

            lines = until("rates are known", rates).splitlines()
            first = [line.split()[0] for line in lines]
            check(lines[0].startswith("sedation  running"), lines)
            at = first.index("STAGE")
            check(first[at + 1:at + 6] == ["clean", "alert", "commit", "SINK", "file"], lines)
            check(int(lines[at + 1].split()[6]) == 8, f"patients: {lines[at + 1]}")
            check(first[-3:] == ["PARTITION", "0", "1"], lines)
            beds = until("beds are known", lambda: (lambda t: t if "icu-0/00" in t else None)(
                top("--beds").stdout))
            check("icu-1/07" in beds and "PARTITION" not in beds, beds)
            check_graph(p)
            run.stop()
    with vigil.MockBroker(f"{TOPIC}:1") as broker, pipeline_of(broker, beds=0) as p, Live(p) as run:
        done = subprocess.run([vigil.VIGIL, "top", p.path, "--once", "--beds"], capture_output=True,
                              text=True, timeout=20)
        check(done.returncode == 1 and "service.http.beds" in done.stderr, done)
        run.stop()
    usage = subprocess.run([vigil.VIGIL, "top", p.path], capture_output=True, text=True, timeout=60)
    check(usage.returncode != 0, "without a terminal")


def a_terminal_hears_keys_and_follows_its_size():
    with vigil.MockBroker(f"{TOPIC}:2") as broker, pipeline_of(broker) as p, \
            Live(p) as run, Feeder(broker.bootstrap, TOPIC, RATE, beds=True), \
            Terminal(p, 80, 24) as t:
        t.shows("sedation  running", "STAGE", "clean", "alert", "commit", "SINK", "PARTITION",
                "q quit")
        check(len(t.lines()) == 24 and all(len(line) <= 80 for line in t.lines()), t.lines())
        t.key("b")
        t.shows("BED ", "icu-1/01", without=["PARTITION"])
        t.key("s")
        t.shows("sort:busy")
        t.key("w")
        t.shows("of 1 min")
        t.key("h")
        t.shows("not a medical device", without=["STAGE "])
        t.key("h")
        t.key("p")
        t.shows("PAUSED", "STAGE")
        t.key("p")
        t.tmux("resize-window", "-x", "60", "-y", "12")
        t.shows("STAGE", "q quit", without=["PAUSED"])
        check(len(t.lines()) == 12, t.lines())
        t.tmux("resize-window", "-x", "120", "-y", "30")
        t.shows("BED ", "icu-1/07")
        t.key("q")
        until("it ends", t.ended.exists)
        until("its exit code is 0", lambda: t.ended.read_text() == "0\n")
        run.stop()


def a_pipeline_that_goes_away_is_told_and_found_again():
    with vigil.MockBroker(f"{TOPIC}:1") as broker, pipeline_of(broker) as p:
        with Live(p) as run:
            with Terminal(p, 80, 24) as t:
                t.shows("sedation  running", "PARTITION")
                run.stop()
                t.shows("NO ANSWER", "trying again", "PARTITION")
                with Live(p) as again:
                    t.shows("sedation  running", without=["NO ANSWER"])
                    again.stop()


if __name__ == "__main__":
    vigil.main(once_is_a_screen_as_text_and_agrees_with_the_state,
               a_terminal_hears_keys_and_follows_its_size,
               a_pipeline_that_goes_away_is_told_and_found_again)
